"""What a few rows asked and were answered, side by side as HTML: every text in it is escaped."""

import json
from collections.abc import Sequence

from mesh_prompt_batch.completion import Completion, Failure, Message
from mesh_prompt_batch.image_parts import shortened
from mesh_prompt_batch.inquiry import Asked, AskedRow
from mesh_prompt_batch.markup import Markup, element, joined
from mesh_prompt_batch.money import shown
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.totals import Totals

# Beyond so many characters nobody reads on, and a browser becomes slow.
LONGEST_TEXT = 20_000
# All below one class: the page of Dataiku around it stays as it is.
_STYLE = """
.prompt-batch-trial { color-scheme: light dark; --card: #ffffff; --text: #1c2430; --soft: #556070; --rule: #d9dee5;
  --page: #f6f7f9; --bad: #b3261e; background: var(--page); color: var(--text); padding: 1rem; overflow-x: auto;
  font: 14px/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .prompt-batch-trial { --card: #1a2028; --text: #e6eaf0; --soft: #a3adba;
  --rule: #313a46; --page: #12161c; --bad: #ff8f85; } }
.prompt-batch-trial h2 { font-size: 1.2rem; margin: 0; }
.prompt-batch-trial h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
.prompt-batch-trial p { margin: .25rem 0; }
.prompt-batch-trial .soft { color: var(--soft); }
.prompt-batch-trial .bad { color: var(--bad); }
.prompt-batch-trial .sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: .75rem; }
.prompt-batch-trial .side { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .75rem;
  min-width: 0; }
.prompt-batch-trial pre { font: inherit; margin: 0 0 .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def trial_page(recipe: str, settings: Settings, asked: Asked) -> str:
    """A part of a page, with its own style."""
    parts = [
        _tag("h2", f"Trial of {recipe}"),
        _tag("p", _summary(settings, asked.totals), "soft"),
        _tag("p", "No output was touched.", "soft"),
    ]
    if asked.stopped:
        parts.append(_tag("p", asked.stopped, "bad"))
    if not asked.rows:
        parts.append(_tag("p", "The input has no rows."))
    parts += [_row(number, row) for number, row in enumerate(asked.rows, 1)]
    style = element("style", Markup(_STYLE))
    return joined([style, element("div", *parts, class_="prompt-batch-trial")])


def _summary(settings: Settings, totals: Totals) -> str:
    cost = [] if totals.spent.cost is not None else ["cost unknown"]
    parts = [
        settings.llm.llm_id,
        _counted(totals.rows, "row"),
        f"{totals.failed} failed",
        _counted(totals.attempts, "call"),
        *totals.spent.described(),
        *cost,
    ]
    return ", ".join(parts)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _row(number: int, row: AskedRow) -> Markup:
    messages = _messages(shortened(row.request.messages)) if row.request else _nothing_sent()
    sides = [element("div", it, class_="side") for it in (messages, _answer(row))]
    return element("section", _tag("h3", f"Row {number}"), element("div", *sides, class_="sides"))


def _messages(messages: Sequence[Message]) -> Markup:
    return joined(
        part
        for message in messages
        for part in (
            _tag("div", message.get("role", ""), "soft"),
            _tag("pre", _content(message)),
        )
    )


def _content(message: Message) -> object:
    content = message.get("content")
    more = {name: value for name, value in message.items() if name not in {"role", "content"}}
    if isinstance(content, str) and not more:
        return content
    return json.dumps({"content": content, **more}, ensure_ascii=False, indent=1)


def _nothing_sent() -> Markup:
    return _tag("p", "Nothing was sent.", "soft")


def _answer(row: AskedRow) -> Markup:
    outcome = row.outcome
    if outcome is None:
        return _tag("p", "Not asked: a limit came first.", "bad")
    if isinstance(outcome, Completion):
        how = _tag("div", _how(outcome, row.source), "soft")
        return joined([how, _tag("pre", outcome.text)])
    return _failure(outcome)


def _failure(failure: Failure) -> Markup:
    status = "" if failure.status is None else f" (HTTP {failure.status})"
    tried = f", {_counted(failure.attempts, 'call')}" if failure.attempts else ""
    parts = [
        _tag("div", f"{failure.error_type}{status}{tried}", "bad"),
        _tag("pre", failure.message, "bad"),
    ]
    if failure.answer is not None:
        parts.append(_tag("pre", failure.answer.text))
    return joined(parts)


def _how(answer: Completion, source: str) -> str:
    if source == "identical":
        return "copied from an identical row"
    usage = answer.usage
    parts = [
        answer.finish_reason or "",
        f"{answer.latency_seconds:.1f} s",
        usage.described() if usage.reported else "",
        "" if usage.cost is None else f"cost {shown(usage.cost)}",
        f"{answer.attempts} calls" if answer.attempts > 1 else "",
        f"answered by {answer.llm_id}",
    ]
    return ", ".join(filter(None, parts))


def _tag(name: str, text: object, style: str | None = None) -> Markup:
    words = str(text)
    if len(words) > LONGEST_TEXT:
        words = f"{words[:LONGEST_TEXT]}… ({len(words):,} characters)"
    return element(name, words, class_=style)
