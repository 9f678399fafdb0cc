"""A job's report and history, held against the output that the job wrote."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

from matrix import FOLDER
from report_reader import Page

from local_dss import faults
from local_flow import Flow
from mesh_prompt_batch.run_record import RunRecord

CANARY = "canary-question-51c0"
CONFIG = {
    "output_columns": "full",
    "max_retries": 1,
    "price_per_million_input_tokens": 2,
    "price_per_million_output_tokens": 6,
}


def placed(flow: Flow, name: str) -> Path:
    (found,) = flow.project.managed_folder("run").rglob(name)
    return found


def page(flow: Flow) -> Page:
    text = placed(flow, "report.html").read_text(encoding="utf-8")
    assert CANARY not in text
    return Page(text)


def records(flow: Flow) -> list[RunRecord]:
    text = placed(flow, "runs.jsonl").read_text(encoding="utf-8")
    assert CANARY not in text
    found = [RunRecord.from_line(it) for it in text.splitlines()]
    return [it for it in found if it is not None]


def check_against_output(flow: Flow, report: Page) -> None:
    rows = flow.answers
    asked = [it for it in rows if it["source"] == "call"]
    told, calls = report.pairs("Rows"), report.pairs("Calls of this run")
    failed = [it for it in asked if it["error_type"]]
    assert told["Read"] == str(len(rows))
    assert told["Failed"] == str(len(failed))
    assert told["Answered by calls of this run"] == str(len(asked) - len(failed))
    assert told["Resumed from earlier runs"] == str(sum(it["source"] == "resumed" for it in rows))
    copies = next(count for name, count in told.items() if name.startswith("Copied"))
    assert copies == str(sum(it["source"] == "identical" for it in rows))
    assert calls["Calls"] == str(sum(int(it["attempts"]) for it in asked))
    for name, column in (("Tokens in", "prompt_tokens"), ("Tokens out", "completion_tokens")):
        assert calls[name] == f"{sum(int(it[column] or 0) for it in asked):,}"
    cost = sum((Decimal(it["cost"] or 0) for it in asked), Decimal(0))
    assert Decimal(calls["Cost"]) == cost
    errors = Counter(it["error_type"] for it in failed)
    assert report.pairs("Errors") == {it: str(count) for it, count in errors.items()}


def slowest_in_output(flow: Flow) -> float:
    return max(float(it["latency_seconds"] or 0) for it in flow.answers if it["source"] == "call")


def test_the_figures_of_runs_are_those_of_the_output(flow: Flow) -> None:
    questions = [f"{CANARY} {n % 34}" for n in range(40)]
    flow.ask(*questions, "")
    flow.mesh.fault = lambda question, time, _call: (
        faults.too_long(CANARY)
        if question.endswith(("3", "7"))
        else faults.rate_limited(Retry_After="0")
        if question.endswith("5") and time == 1
        else None
    )
    result = flow.run(CONFIG, outputs=FOLDER)
    assert result.succeeded, result.text
    assert "The run report is DEMO.answers/whole/report.html in the run folder." in result.text
    first = page(flow)
    check_against_output(flow, first)
    number = int(first.tables["Slowest rows"][0][0])
    assert float(flow.answers[number - 1]["latency_seconds"]) == slowest_in_output(flow)
    assert "Pauses that a provider asked for" in first.text
    flow.mesh.fault = lambda *_: None
    assert flow.run({**CONFIG, "max_tokens": 50}, outputs=FOLDER).succeeded
    assert flow.run({**CONFIG, "max_tokens": 50}, outputs=FOLDER).succeeded
    check_against_output(flow, page(flow))
    runs = records(flow)
    assert [it.outcome for it in runs] == ["completed"] * 3
    assert runs[1].changed_since(runs[0]) == ["max_tokens: 500 → 50"]
    assert len(page(flow).tables["The last 3 runs"]) == 3


def test_a_stopped_job_leaves_its_report(flow: Flow) -> None:
    flow.ask(f"{CANARY} 1", f"{CANARY} 2")
    flow.previous_output()
    flow.mesh.fault = lambda *_: faults.quota_blocked(CANARY)
    result = flow.run(CONFIG, outputs=FOLDER)
    assert result.exit_code == 1
    assert flow.untouched()
    (run,) = records(flow)
    assert run.outcome == "stopped"
    assert run.sentence in result.banner
    assert run.sentence in page(flow).text
