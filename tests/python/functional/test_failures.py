"""One bad row costs one row; what no row can survive ends the run, with the previous output as it was."""

import json
import re

import pytest

from local_dss import faults
from local_dss.behaviour import Behaviour
from local_dss.faults import Answer
from local_dss.llms import LLM_ID
from local_flow import Flow, failures

CANARY = "canary-question-51c0"
NO_CHOICES = faults.respond(json.dumps({"choices": []}))
NO_CONTENT = faults.respond(
    json.dumps({"choices": [{"finish_reason": "stop", "message": {"content": None}}]})
)
NO_ROOM = faults.respond(
    json.dumps({"choices": [{"finish_reason": "length", "message": {"content": None}}]})
)
LOGIN_PAGE = faults.respond("<html>Sign in</html>", content_type="text/html")

# What comes once and is gone the next time.
PASSING: dict[str, Answer] = {
    "rate limit": faults.rate_limited(Retry_After="0"),
    "unexplained 500": faults.unexplained(CANARY),
    "bad gateway": faults.gateway_page(502),
    "gateway timeout": faults.gateway_page(504),
    "reset": faults.reset,
    "cut": faults.cut_after('{"choices": ['),
    "silence": faults.hang,
    "login page": LOGIN_PAGE,
}
# What comes again and again; what shows that the provider is alive comes first, after so many failures in a row.
LASTING: dict[str, tuple[Answer, str, str]] = {
    "too long": (faults.too_long(CANARY), "context_length", "1"),
    "toxic": (faults.guardrail(CANARY), "guardrail", "1"),
    "no choices": (NO_CHOICES, "empty", "1"),
    "no content": (NO_CONTENT, "empty", "1"),
    "no room": (NO_ROOM, "truncated", "1"),
    "refused": (faults.refusal(400, f"cannot do {CANARY}"), "bad_request", "1"),
    "outage": (faults.gateway_page(503), "server", "2"),
    "busy": (faults.rate_limited(), "rate_limit", "2"),
}


def fault(question: str, time: int, _call: int) -> Answer | None:
    kind = question.removeprefix(CANARY + " ")
    if kind in LASTING:
        return LASTING[kind][0]
    return PASSING.get(kind) if time == 1 else None


def test_faults_cost_only_the_rows_that_cannot_be_answered_and_no_word_reaches_the_log(
    flow: Flow,
) -> None:
    kinds = [*PASSING, *LASTING, "fine", "also fine"]
    flow.ask(*(f"{CANARY} {kind}" for kind in kinds), "")
    flow.mesh.fault = fault
    result = flow.run({"timeout_seconds": 1.5, "max_concurrency": 32})
    assert result.succeeded, result.text
    rows = dict(zip([*kinds, ""], flow.answers, strict=True))
    for kind, (_, error_type, attempts) in LASTING.items():
        assert (rows[kind]["error_type"], rows[kind]["attempts"]) == (error_type, attempts), kind
        assert rows[kind]["completion"] == ""
    for kind in PASSING:
        assert rows[kind]["completion"] == f"You said: {CANARY} {kind}"
        assert rows[kind]["attempts"] == "2", kind
    assert CANARY in rows["toxic"]["error_message"]
    assert failures([rows[""]]) == {"": "invalid_row"}
    assert CANARY not in result.text
    assert "ticket-of-the-job" not in result.text
    assert "Failed rows, empty: 2 (e.g. row" in result.text
    assert re.search(r"Total: 10 rows answered, 9 failed, 28 calls", result.text)


RUN_LEVEL: dict[str, tuple[dict[str, object], Answer | None, str]] = {
    "unknown LLM": (
        {"llm_id": "openai:gone:model"},
        None,
        r"no such LLM, or not for you \(HTTP 500\).*'LLM'",
    ),
    "quota": ({}, faults.quota_blocked(CANARY), r"A quota blocks the LLM \(HTTP 500\)"),
    "forbidden": ({}, faults.refusal(403, CANARY), r"refused the run's credentials \(HTTP 403\)"),
    "a long pause": (
        {"max_wait_seconds": 5},
        faults.rate_limited(Retry_After="60"),
        r"pause of 60 s, longer than 'Longest wait \(seconds\)' allows \(5\)",
    ),
    "no row answered": ({}, faults.too_long(CANARY), r"No row was answered \(context_length: 3"),
    "first failure": (
        {"on_failure": "stop"},
        faults.too_long(CANARY),
        r"'When a row fails' says to stop: 0 of 3 rows were answered, 1 failed",
    ),
}


@pytest.mark.parametrize("case", RUN_LEVEL)
def test_what_no_row_survives_ends_the_run_in_one_sentence(flow: Flow, case: str) -> None:
    config, answer, sentence = RUN_LEVEL[case]
    flow.ask(CANARY, f"{CANARY}2", f"{CANARY}3")
    flow.previous_output()
    if answer is not None:
        flow.mesh.fault = lambda *_: answer
    result = flow.run({"max_concurrency": 1, **config}, behaviour=Behaviour(failed_writer="commit"))
    assert result.exit_code == 1
    assert re.search(sentence, result.banner), result.banner
    assert result.banner.endswith(".")
    assert flow.untouched()
    assert CANARY not in result.text + result.banner
    assert "Total: " in result.text


def test_an_unknown_llm_is_told_even_where_the_words_say_nothing(flow: Flow) -> None:
    flow.mesh.unknown_llm_words = "Query failed"
    flow.ask("why?")
    result = flow.run({"llm_id": "openai:gone:model", "max_retries": 3})
    assert "The Mesh has no such LLM" in result.banner
    assert len(flow.mesh.calls) == 1


def test_an_unlisted_llm_that_works_is_used(flow: Flow) -> None:
    flow.mesh.unlisted = ["custom:hidden:model"]
    flow.ask("why?")
    assert flow.run(
        {"llm_id_override": "custom:${model}"}, variables={"model": "hidden:model"}
    ).succeeded
    assert flow.column("answered_by") == ["custom:hidden:model"]


def test_too_many_failed_rows_stop_the_run_early(flow: Flow) -> None:
    questions = [f"question {n}" for n in range(600)]
    flow.ask(*questions)
    flow.previous_output()
    flow.mesh.fault = lambda _q, _time, call: faults.too_long("") if call % 2 else None
    result = flow.run({"max_failure_percent": 20})
    assert re.search(r"\d+ of \d+ rows failed .*'Most failed rows \(percent\)'", result.banner)
    assert 100 <= len(flow.mesh.calls) < 200
    assert flow.untouched()


def test_an_output_that_refuses_the_rows_leaves_them_in_a_file_that_the_message_names(
    flow: Flow,
) -> None:
    flow.ask(CANARY)
    result = flow.run(behaviour=Behaviour(storage_refuses=CANARY))
    assert re.search(r"kept in the SQLite file /\S+/prompt-batch-\w+\.sqlite", result.banner)
    assert result.text.count("Writing the output failed (RuntimeError), attempt") == 3
    assert CANARY not in result.text + result.banner
    assert len(flow.mesh.calls) == 1


def test_appending_keeps_earlier_rows_and_refuses_other_columns_before_any_call(flow: Flow) -> None:
    flow.ask("first")
    assert flow.run().succeeded
    flow.ask("second")
    assert flow.run(appends=["answers"]).succeeded
    assert flow.column("question") == ["first", "second"]
    calls = len(flow.mesh.calls)
    result = flow.run({"output_columns": "full"}, appends=["answers"])
    assert "'Output columns'" in result.banner
    assert "'source' (string)" in result.banner
    assert len(flow.mesh.calls) == calls
    assert flow.column("question") == ["first", "second"]


SETTINGS: dict[str, tuple[dict[str, object], str]] = {
    "no LLM": ({"llm_id": None}, "'LLM' is missing"),
    "a renamed column": (
        {"user_column": "prompt"},
        "'User message column': the input has no column 'prompt'; it has number, question.",
    ),
    "a fraction": ({"max_tokens": 1.5}, "'Max tokens' must be a whole number, not 1.5."),
    "out of range": ({"temperature": 3}, "'Temperature' must be between 0 and 2, not 3"),
    "not a choice": ({"on_failure": "skip"}, "'When a row fails' must be one of keep, stop"),
    "an unknown variable": (
        {"llm_id_override": "${model}"},
        "'LLM id as text': the project has no variable 'model'.",
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_a_setting_that_cannot_work_ends_the_run_before_any_call(flow: Flow, case: str) -> None:
    config, sentence = SETTINGS[case]
    flow.ask("why?")
    flow.previous_output()
    result = flow.run(config)
    assert sentence in result.banner
    stack = [line for line in result.lines if line != "End Python stack"]
    assert sentence in stack[-1]
    assert not flow.mesh.calls
    assert flow.untouched()


def test_blank_fields_of_a_form_mean_their_defaults(flow: Flow) -> None:
    flow.ask("why?")
    blank: dict[str, object] = {
        "max_concurrency": None,
        "on_failure": "",
        "row_limit": "",
        "columns_to_keep": [],
    }
    assert flow.run(
        {**blank, "max_tokens": None, "llm_id": LLM_ID}, behaviour=Behaviour(absent_keys=False)
    ).succeeded
    assert "max_tokens" not in flow.mesh.calls[0].body
