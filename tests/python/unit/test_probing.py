"""The probes put to one LLM, and the checks of many."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest

from mesh_prompt_batch.capability_probes import CAPABILITIES, MOST_CALLS
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import (
    CallError,
    EndpointError,
    LlmError,
    RequestError,
    TransientError,
)
from mesh_prompt_batch.llm_checks import (
    AVAILABILITY_CHECK,
    Calls,
    Examination,
    Finding,
    check,
)
from mesh_prompt_batch.probing import CAPABILITY_CHECK
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage

# The limit of tokens has a second name, which few LLMs want.
USUAL_CALLS = MOST_CALLS - 1
Fails = Callable[[CompletionRequest], CallError | None]


class Llm:
    """Answers every call in the same words, unless `fails` says otherwise."""

    def __init__(self, fails: Fails = lambda _: None, *, usage: bool = True) -> None:
        self.fails, self.usage = fails, usage
        self.asked: list[CompletionRequest] = []
        self.progress: list[int] = []

    def ask(self, request: CompletionRequest) -> object:
        self.asked.append(request)
        if error := self.fails(request):
            raise error
        bounded = "max_tokens" in request.parameters
        choice = {"message": {"content": "hm"}, "finish_reason": "length" if bounded else "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 2}
        return {"choices": [choice], **({"usage": usage} if self.usage else {})}

    def stream(self, request: CompletionRequest) -> tuple[Completion, int]:
        self.asked.append(request)
        if error := self.fails(request):
            raise error
        usage = Usage(10, 2) if self.usage else NOTHING_REPORTED
        return Completion("1, 2", "stop", usage, request.llm_id, 0.1), 2

    @contextlib.contextmanager
    def open(self) -> Iterator[Calls]:
        yield Calls(self.ask, self.stream)

    def examined(
        self, *llm_ids: str, examination: Examination = CAPABILITY_CHECK
    ) -> dict[str, Finding]:
        return check(llm_ids or ("llm",), examination, self.open, self.progress.append)


def refuses(*parameters: str) -> Fails:
    """With 400, a request that has one of these."""

    def fails(request: CompletionRequest) -> CallError | None:
        used = request.parameters.keys() & {*parameters}
        return RequestError("bad_request", "words of a provider", status=400) if used else None

    return fails


def fails_at(number: int, error: CallError) -> Fails:
    """At this call, counted from 1."""
    calls = iter(range(1, 100))
    return lambda _: error if next(calls) == number else None


def either(first: Fails, second: Fails) -> Fails:
    """Both see every request."""

    def fails(request: CompletionRequest) -> CallError | None:
        found = [first(request), second(request)]
        return found[0] or found[1]

    return fails


def test_an_llm_gets_a_verdict_for_each_capability_and_what_it_cost() -> None:
    llm = Llm()
    finding = llm.examined()["llm"]
    assert (finding.status, finding.answers) == ("answers", True)
    assert finding.latency_seconds is not None
    assert finding.verdicts == {
        "system_message": "cut off",
        "streaming": "honoured",
        "usage": "reported",
        "json_by_prompt": "cut off",
        "response_format": "cut off",
        "tools": "cut off",
        "images": "cut off",
        "temperature": "accepted",
        "max_tokens": "honoured",
    }
    assert finding.verdicts.keys() == CAPABILITIES.keys()
    assert len(llm.asked) == finding.effort.calls == USUAL_CALLS
    assert (finding.effort.tokens, finding.effort.silent) == (12 * USUAL_CALLS, 0)
    assert llm.progress[-1] == 100
    assert len(llm.progress) == MOST_CALLS


def test_what_an_llm_refuses_does_not_hide_the_rest() -> None:
    limits = ("max_tokens", "max_completion_tokens")
    llm = Llm(refuses(*limits, "tools", "temperature"))
    verdicts = llm.examined()["llm"].verdicts
    refused = {name for name, it in verdicts.items() if it == "refused"}
    assert refused == {"max_tokens", "tools", "temperature"}
    bounded = [it for it in llm.asked if "max_tokens" in it.parameters]
    assert len(bounded) == 1, "a bound that is refused is not sent along"
    assert len(llm.asked) == MOST_CALLS


def test_a_limit_of_tokens_may_go_by_another_name() -> None:
    llm = Llm(refuses("max_tokens"))
    assert llm.examined()["llm"].verdicts["max_tokens"] == "as max_completion_tokens"
    assert [it.parameters.get("max_completion_tokens") for it in llm.asked[:4]] == [
        None,
        None,
        8,
        200,
    ]
    slow = Llm(refuses("max_tokens"))
    slow.fails = either(slow.fails, fails_at(3, TransientError("server", "w", status=500)))
    assert slow.examined()["llm"].verdicts["max_tokens"] == "refused"


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (LlmError("quota", "w"), 4),
        (LlmError("authentication", "w", status=401), 4),
        (TransientError("timeout", "w"), 4),
        (TransientError("connection", "w"), 4),
        (LlmError("not_found", "w", status=404), USUAL_CALLS),
        (TransientError("rate_limit", "w", status=429), USUAL_CALLS),
        (TransientError("server", "w", status=500), USUAL_CALLS),
        (RequestError("guardrail", "w", status=500), USUAL_CALLS),
    ],
)
def test_a_failure_is_a_verdict_in_our_words_and_some_end_the_questions(
    error: CallError, calls: int
) -> None:
    llm = Llm(fails_at(4, error))
    finding = llm.examined()["llm"]
    assert finding.answers
    assert finding.verdicts["streaming"] == str(error)
    assert len(llm.asked) == calls
    assert llm.progress[-1] == 100
    assert len(llm.progress) == MOST_CALLS


def test_an_llm_that_does_not_answer_is_asked_nothing_more() -> None:
    llm = Llm(lambda _: TransientError("server", "w", status=503))
    finding = llm.examined()["llm"]
    assert (finding.status, finding.answers) == ("server (HTTP 503)", False)
    assert finding.verdicts == {}
    assert finding.effort.calls == len(llm.asked) == 1
    assert llm.progress[-1] == 100


@pytest.mark.parametrize(
    ("usage", "streamed", "verdict"),
    [
        (True, True, "reported"),
        (True, False, "not when streamed"),
        (False, True, "when streamed"),
        (False, False, "not reported"),
    ],
)
def test_usage_may_be_told_in_one_way_only(usage: bool, streamed: bool, verdict: str) -> None:
    class Half(Llm):
        def stream(self, request: CompletionRequest) -> tuple[Completion, int]:
            self.usage = streamed
            try:
                return super().stream(request)
            finally:
                self.usage = usage

    llm = Half(usage=usage)
    finding = llm.examined()["llm"]
    assert finding.verdicts["usage"] == verdict
    assert finding.effort.silent == (0 if usage else USUAL_CALLS - 1) + (not streamed)


def test_where_streams_fail_usage_is_that_of_whole_answers() -> None:
    llm = Llm(fails_at(4, TransientError("server", "w", status=500)))
    assert llm.examined()["llm"].verdicts["usage"] == "reported"


def test_many_llms_are_asked_at_once_and_one_that_fails_is_its_row() -> None:
    together = threading.Barrier(3, timeout=30)

    def examine(llm_id: str, calls: Calls, made: Callable[[], None]) -> Finding:
        together.wait()
        made()
        return Finding(f"{llm_id} was asked", answers=llm_id != "b")

    llm = Llm()
    found = llm.examined("a", "b", "c", examination=Examination(2, examine))
    assert {name: it.answers for name, it in found.items()} == {"a": True, "b": False, "c": True}
    assert llm.progress == [16, 33, 50, 66, 83, 100]
    assert check((), CAPABILITY_CHECK, llm.open, llm.progress.append) == {}


def test_what_ends_the_macro_is_raised_once_every_llm_is_done() -> None:
    def examine(llm_id: str, calls: Calls, made: Callable[[], None]) -> Finding:
        raise EndpointError("The certificate is not trusted.")

    llm = Llm()
    with pytest.raises(EndpointError):
        llm.examined("a", "b", examination=Examination(3, examine))
    assert llm.progress[-1] == 100


def test_availability_costs_one_token_or_one_more_call_where_that_bound_is_refused() -> None:
    llm = Llm()
    assert llm.examined(examination=AVAILABILITY_CHECK)["llm"].answers
    assert [it.parameters for it in llm.asked] == [{"max_tokens": 1}]
    strict = Llm(refuses("max_tokens"))
    assert strict.examined(examination=AVAILABILITY_CHECK)["llm"].status == "answers"
    assert [it.parameters for it in strict.asked] == [{"max_tokens": 1}, {}]
    broken = Llm(lambda _: RequestError("bad_request", "w", status=400))
    finding = broken.examined(examination=AVAILABILITY_CHECK)["llm"]
    assert (finding.status, finding.answers) == ("bad_request (HTTP 400)", False)
    assert strict.progress == broken.progress == [100]
