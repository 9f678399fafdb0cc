"""A run that never was: its course by chance, for pictures of the report and for its size."""

import random
from dataclasses import replace
from decimal import Decimal

from mesh_prompt_batch.completion import Completion, Failure
from mesh_prompt_batch.report import Told
from mesh_prompt_batch.run_record import COMPLETED, STOPPED, RunRecord, counts_of
from mesh_prompt_batch.timeline import Sample
from mesh_prompt_batch.totals import Totals
from mesh_prompt_batch.usage import Usage

ERRORS = ("server", "server", "server", "timeout", "timeout", "invalid_output", "guardrail")
MOST_IN_FLIGHT = 64
ROWS_PER_SECOND_AND_CALL = 1.4
SETTINGS = {
    "LLM": "openai:main:gpt-4o-mini",
    "temperature": "0",
    "max_tokens": "500",
    "user template": "412 characters, SHA-256 5b0c11e7",
    "system template": "96 characters, SHA-256 9d30aa42",
    "output format": "json_schema",
    "calls at once": "64 at most",
    "timeout": "300 s",
    "retries": "6",
    "spend limit": "5.00",
    "reuse of completions": "resume",
}
VERSIONS = {"Prompt batch": "1.0.0", "Python": "3.11.14", "openai": "3.1.0", "pandas": "2.3.3"}


def course_of(rows: int, seed: int = 1) -> Totals:
    """A provider asks for a pause in the middle, and fails for a while near the end."""
    chance, totals = random.Random(seed), Totals(rows=rows, all_read=True)
    whole = rows / (MOST_IN_FLIGHT * ROWS_PER_SECOND_AND_CALL)
    now, next_sample, allowed, last = 0.0, 0.0, 4, Sample(0, 0)
    totals.call_started(now)
    for number in range(1, rows + 1):
        now += chance.expovariate(allowed * ROWS_PER_SECOND_AND_CALL)
        ill = 0.78 < now / whole < 0.83
        while next_sample <= now:
            paused = 0.45 < now / whole < 0.5 and chance.random() < 0.4
            allowed = max(4, allowed * 7 // 10) if paused else min(MOST_IN_FLIGHT, allowed + 1)
            last = Sample(
                int(allowed * chance.uniform(0.85, 1)),
                allowed,
                last.pauses + paused,
                last.retreats + paused,
                int(ill or last.left_alone > 0),
            )
            totals.sampled(next_sample, last)
            next_sample += totals.course.seconds_to_next_sample
        totals.call_ended(now)
        totals.add(number, outcome(chance, 0.3 if ill else 0.01))
    return totals


def outcome(chance: random.Random, failing: float) -> Completion | Failure:
    if chance.random() < failing:
        return Failure(chance.choice(ERRORS), "", 3, 500)  # type: ignore[arg-type]  # of the vocabulary
    usage = Usage(310, chance.randint(5, 90), Decimal("0.000071"))
    repeated = chance.random() < 0.03
    return Completion("", "stop", usage, "", chance.lognormvariate(0.3, 0.5), 1 + repeated)


def told_of(rows: int, earlier: int = 11) -> Told:
    totals = course_of(rows)
    totals.resumed, totals.rows = rows // 20, rows + rows // 20
    sentence = f"Of {totals.rows:,} rows {totals.rows - totals.failed:,} are answered, {totals.failed:,} failed;"
    record = RunRecord(
        "20261123T070012Z-5f0c2a91",
        "2026-11-23T07:00:12+00:00",
        "2026-11-23T07:05:03+00:00",
        COMPLETED,
        f"{sentence} all are in the output.",
        spend_limit="5",
        spent_of_limit="2.31",
        settings=SETTINGS,
        versions=VERSIONS,
        **counts_of(totals),
    )
    before = [run_before(record, day) for day in range(1, earlier + 1)]
    return Told("SALES.reviews_labelled", record, totals.course, totals.examples, before)


def run_before(record: RunRecord, day: int) -> RunRecord:
    """Slower, and with another limit, the longer ago it was."""
    started = f"2026-11-{day + 11:02d}T07:00:{day:02d}+00:00"
    tokens = "400" if day < 4 else "500"
    at_once = "32 at most" if day < 7 else "64 at most"
    return replace(
        record,
        run_id=f"202611{day + 11:02d}",
        started=started,
        outcome=STOPPED if day == 5 else COMPLETED,
        failed=record.failed * (3 if day < 4 else 1) + 13 * day % 40,
        seconds=record.seconds * (2.1 if day < 7 else 1.1 + day % 3 / 10),
        settings={**record.settings, "max_tokens": tokens, "calls at once": at_once},
    )
