"""Streamed answers through the job runner: the same output, stalls seen early, nothing lost."""

import json
import re
from collections.abc import Callable

import pytest

from local_dss import faults
from local_dss.faults import Answer
from local_dss.llms import LLM_ID, Manners, chunks, rule_answer
from local_flow import Flow

CANARY = "canary-question-77e1"
FOLDER = {"completions": ["answers"], "run_folder": ["run"]}
OF_THE_CALL = ("latency_seconds", "time_to_first_token_seconds")


def pieces(question: str) -> list[dict[str, object]]:
    """A whole answer, its usage last."""
    asked = {"messages": [{"role": "user", "content": question}], "model": LLM_ID}
    return chunks({**asked, "stream_options": {"include_usage": True}}, rule_answer(question))


def error(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": f"{message} {CANARY}", **more}}


def table(flow: Flow) -> list[dict[str, str]]:
    return [
        {name: cell for name, cell in row.items() if name not in OF_THE_CALL}
        for row in flow.answers
    ]


def test_the_output_is_the_same_row_by_row(flow: Flow) -> None:
    odd = ["a  b\u2028c\x0bd\x85e", "007", "naïve 😀", "one", "line\nbreak", "one", ""]
    flow.ask(*odd, *(f"question {n}" for n in range(40)))
    flow.mesh.usage_missing_every = 5
    config = {"output_columns": "full", "max_concurrency": 1}
    assert flow.run(config).succeeded
    plain, sent = table(flow), len(flow.mesh.calls)
    assert set(flow.column("time_to_first_token_seconds")) == {""}
    flow.mesh.turns = type(flow.mesh.turns)()
    assert flow.run({**config, "stream": True}).succeeded
    assert table(flow) == plain
    streamed = flow.mesh.calls[sent:]
    assert len(streamed) == sent
    assert all(it.body["stream"] for it in streamed)
    answered = [it for it in flow.answers if it["source"] == "call" and not it["error_type"]]
    assert len(answered) == sent
    for row in answered:
        assert 0 < float(row["time_to_first_token_seconds"]) <= float(row["latency_seconds"])


def test_answers_that_max_tokens_cut_are_marked_and_a_missing_usage_is_counted_apart(
    flow: Flow,
) -> None:
    flow.ask("one two three four", "five six seven")
    flow.mesh.usage_missing_every = 2
    result = flow.run({"stream": True, "max_tokens": 3, "max_concurrency": 1})
    assert flow.column("completion") == ["You said: one", "You said: five"]
    assert flow.column("finish_reason") == ["length", "length"]
    assert flow.column("completion_tokens") == ["3", ""]
    assert "totals: 1 answered and 0 failed calls." in result.text


PASSING: dict[str, Callable[[str], Answer]] = {
    "no byte": lambda _: faults.hang,
    "silence": lambda it: faults.events(*pieces(it)[:4], done=False, ends="open"),
    "comments": lambda it: faults.kept_open_by_comments(*pieces(it)[:4]),
    "cut": lambda it: faults.events(*pieces(it)[:4], done=False, ends="cut"),
    "no end": lambda it: faults.events(*pieces(it)[:4], done=False),
    "DONE too early": lambda it: faults.events(*pieces(it)[:4]),
    "no chunk": lambda _: faults.events(),
    "broken JSON": lambda _: faults.respond("data: {\n\n", content_type="text/event-stream"),
    "deep JSON": lambda _: faults.respond(
        f"data: {'[' * 50_000}\n\n", content_type="text/event-stream"
    ),
    "error chunk": lambda it: faults.events(*pieces(it)[:4], error("The provider died")),
    "limited": lambda it: faults.events(*pieces(it)[:4], error("slow down", code=429)),
    "DSS error chunk": lambda it: faults.events(
        *pieces(it)[:4], {"errorMessage": CANARY, "errorType": "x"}, name="error-chunk"
    ),
    "429": lambda _: faults.rate_limited(Retry_After="0"),
    "login page": lambda _: faults.respond("<html>Sign in</html>", content_type="text/html"),
}
LASTING: dict[str, tuple[Answer, str]] = {
    # What the prompt says itself would tell nothing.
    "kept back": (faults.events(*pieces("x")[:4], error("Blocked by guardrail")), "guardrail"),
    "too long": (
        faults.events(error("too much", code="context_length_exceeded")),
        "context_length",
    ),
    "dead": (faults.events(*pieces("x")[:4], error("died")), "server"),
}
HARMLESS: dict[str, Callable[[str], Answer]] = {
    "no DONE": lambda it: faults.events(*pieces(it), done=False),
    "cut after the end": lambda it: faults.events(*pieces(it), done=False, ends="cut"),
    "open after the end": lambda it: faults.events(*pieces(it), ends="open"),
    "slow": lambda it: faults.events(*pieces(it), *[{"choices": []}] * 5, pause=0.35),
}


def fault(question: str, time: int, _call: int) -> Answer | None:
    kind = question.removeprefix(CANARY + " ")
    if kind in LASTING:
        return LASTING[kind][0]
    if kind in HARMLESS:
        return HARMLESS[kind](question)
    return PASSING[kind](question) if kind in PASSING and time == 1 else None


def test_faults_of_streams_cost_no_row_that_can_be_answered(flow: Flow) -> None:
    kinds = [*PASSING, *LASTING, *HARMLESS, "fine"]
    flow.ask(*(f"{CANARY} {kind}" for kind in kinds))
    flow.mesh.fault = fault
    # With time-outs it would take few calls at once, and longer.
    config = {"timeout_seconds": 1.5, "max_concurrency": 32, "adaptive_concurrency": False}
    result = flow.run({**config, "stream": True})
    assert result.succeeded, result.text
    rows = dict(zip(kinds, flow.answers, strict=True))
    for kind in (*PASSING, *HARMLESS, "fine"):
        assert rows[kind]["completion"] == f"You said: {CANARY} {kind}", kind
        assert rows[kind]["attempts"] == ("2" if kind in PASSING else "1"), kind
    # It went on for longer than a whole call may be silent.
    assert float(rows["slow"]["latency_seconds"]) > 1.5
    for kind, (_, error_type) in LASTING.items():
        assert (rows[kind]["error_type"], rows[kind]["completion"]) == (error_type, ""), kind
    assert CANARY in rows["kept back"]["error_message"]
    assert CANARY not in result.text


def test_a_run_that_stopped_in_mid_stream_is_resumed_with_its_times(flow: Flow) -> None:
    flow.ask(*(f"question {n}" for n in range(6)))
    flow.mesh.fault = lambda _q, _t, call: faults.refusal(401, "gone") if call > 3 else None
    config = {"stream": True, "max_concurrency": 1, "output_columns": "full"}
    assert not flow.run(config, outputs=FOLDER).succeeded
    flow.mesh.fault = lambda *_: None
    # How an answer is received is not part of what is asked.
    assert flow.run({**config, "stream": False}, outputs=FOLDER).succeeded
    assert flow.column("completion") == [f"You said: question {n}" for n in range(6)]
    assert flow.column("source") == ["resumed"] * 3 + ["call"] * 3
    assert [bool(it) for it in flow.column("time_to_first_token_seconds")] == [True] * 3 + [
        False
    ] * 3
    assert json.loads(flow.column("raw_response")[0])["object"] == "chat.completion"


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("stream", [False, True])
def test_a_reasoning_llm_is_asked_as_it_wants_and_no_row_pays_for_it(
    flow: Flow, status: int, stream: bool
) -> None:
    flow.mesh.manners = {LLM_ID: Manners(("temperature", "top_p"), "max_completion_tokens", status)}
    flow.ask(*(f"{CANARY} {n}" for n in range(60)))
    result = flow.run({"stream": stream, "top_p": 0.5, "max_retries": 0, "max_concurrency": 8})
    assert result.succeeded, result.text
    assert flow.column("completion") == [f"You said: {CANARY} {n}" for n in range(60)]
    assert set(flow.column("attempts")) == {"1"}
    assert len(flow.mesh.calls) <= 60 + 3 * 8
    assert flow.mesh.calls[-1].body["max_completion_tokens"] == 500
    for name in ("temperature", "top_p", "max_tokens"):
        assert len(re.findall(f"refuses '{name}'", result.text)) == 1
        assert name not in flow.mesh.calls[-1].body
    assert CANARY not in result.text


def test_where_nothing_helps_a_row_says_what_to_do(flow: Flow) -> None:
    flow.mesh.unlisted = ["no:stop", "no:limit"]
    flow.mesh.manners = {
        "no:stop": Manners(("stop",)),
        "no:limit": Manners(("max_completion_tokens",), "max_completion_tokens"),
    }
    flow.ask(CANARY, "why?")
    for config, sentence in (
        ({"llm_id": "no:stop", "stop_sequences": ["."]}, "no:stop does not take 'Stop sequences'"),
        ({"llm_id": "no:limit"}, "no:limit does not take 'Max tokens' (max_completion_tokens)"),
    ):
        result = flow.run(config)
        assert "No row was answered (bad_request: 2" in result.banner
        assert result.text.count(sentence) == 1
        assert CANARY not in result.text
