"""Questions of how datasets read inside a job, each in a job that only its own answer rests on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataikuapi.utils import DataikuException

from integration.findings import NOT_ANSWERED, Answer, Finding, Step
from integration.jobs import answer
from integration.recipe_steps import seeded
from integration.workspace import Workspace

# 20 MB: more than any buffer between storage and reader holds.
LONG_ROWS, LONG_WIDTH = 20_000, 1000
EMPTY_REFUSED = re.compile(r"NOT_READY|NO_FILES|PARTITION_EMPTY")


def reading(work: Workspace) -> Iterator[Finding]:
    output = work.dataset("kit_scratch")
    ran = work.run_code(
        "kit_reading", ["reading"], [output], ["kit_prompts"], prompts="kit_prompts", scratch=output
    )
    yield answer(
        ran,
        "null_and_empty",
        "null and empty",
        lambda it: Answer("null_and_empty", *told_apart(it)),
    )
    yield answer(
        ran,
        "extra_keys",
        "extra keys",
        lambda it: Answer("extra_keys", str(it), {"rows": len(work.rows(output))}),
    )


def told_apart(read: Mapping[str, Sequence[str]]) -> tuple[str, Mapping[str, object]]:
    """Null and empty text, as each way of reading gives them."""
    apart = [way for way, (null, empty) in read.items() if null != empty]
    return f"told apart by {', '.join(apart)}" if apart else "they read alike", read


def slow_reading(work: Workspace) -> Iterator[Finding]:
    long, pause = work.dataset("kit_long"), work.target.pause_seconds
    seeding = work.run_code(
        "kit_long_seeding",
        ["seeding_long"],
        [long],
        long=long,
        count=LONG_ROWS,
        width=LONG_WIDTH,
    )
    seeding.must_be("DONE", "A long dataset could not be written")
    output = work.dataset("kit_slow_out")
    ran = work.run_code(
        "kit_slow_reading", ["slow_reading"], [output], [long], long=long, pause_seconds=pause
    )
    evidence = {"pause_seconds": pause, "rows": LONG_ROWS, "defaults": ran.told.get("timeouts")}
    yield answer(
        ran,
        "iter_rows_timeout",
        "slow reader",
        lambda it: slow_answer(it, evidence),
    )


def slow_answer(told: Mapping[str, Any], evidence: Mapping[str, object]) -> Answer:
    """Not answered where no reader gave its first row."""
    words = []
    for name, it in told.items():
        gives = f"gives {it['rows']} of {LONG_ROWS} rows" if it["begun"] else "gives no first row"
        raised = f" and raises {it['error']}" if "error" in it else ""
        words.append(f"{name} {gives}{raised}")
    pause = f"with a pause of {evidence['pause_seconds']:g} s after the first row "
    begun = any(it["begun"] for it in told.values())
    seen, question = {**evidence, **told}, "iter_rows_timeout"
    if not begun:
        return Answer(question, "; ".join(words), seen, NOT_ANSWERED)
    return Answer(question, pause + "; ".join(words), seen)


def empty_dataset(work: Workspace) -> Iterator[Finding]:
    """Apart from all others: DSS may refuse a job with such an input before its code runs."""
    nothing = "kit_nothing"
    ran = seeded(work, "kit_nothing_seeding", {nothing: ()}, ["text"])
    ran.must_be("DONE", "A dataset without rows could not be written")
    output = work.dataset("kit_nothing_out")
    try:
        ran = work.run_code(
            "kit_reading_nothing", ["reading_nothing"], [output], [nothing], nothing=nothing
        )
    except DataikuException as error:
        yield empty_refused(str(error), {"words": str(error)[:300]})
        return
    if "zero rows" not in ran.told and ran.state == "FAILED":
        yield empty_refused(ran.log, ran.evidence)
        return
    yield answer(ran, "zero_rows", "zero rows", _chunks, raised="reading it raises")


def _chunks(told: Sequence[int]) -> Answer:
    return Answer("zero_rows", "one empty chunk" if told else "no chunk", {"chunks": told})


def empty_refused(words: str, evidence: Mapping[str, object]) -> Answer:
    """An answer where DSS's own words name the empty input; any other failure answers nothing."""
    if EMPTY_REFUSED.search(words):
        found = "neither: a job with such an input is refused before its code runs"
        return Answer("zero_rows", found, evidence)
    return Answer("zero_rows", "the job failed otherwise", evidence, NOT_ANSWERED)


STEPS = (
    Step("Reading", reading, ("null_and_empty", "extra_keys")),
    Step("A slow reader", slow_reading, ("iter_rows_timeout",)),
    Step("An empty dataset", empty_dataset, ("zero_rows",)),
)
