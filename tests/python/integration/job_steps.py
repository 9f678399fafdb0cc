"""Questions that only code inside a job can answer: recipes of the kit's own, read by what they say in their logs."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import requests
from dataikuapi.utils import DataikuException

from integration.findings import NOT_ANSWERED, Answer, Finding, KitError, Step
from integration.jobs import Ran, answer, log_of, marks, state
from integration.route import QUESTION
from integration.workspace import Workspace


def credentials(work: Workspace) -> Iterator[Finding]:
    ran = work.run_code(
        "kit_credentials",
        ["credentials"],
        [work.dataset("kit_credentials_out")],
        llm_id=work.target.llm_id,
        question=QUESTION,
    )
    yield answer(ran, "ticket_on_openai_route", "ticket", _ticket)
    both, front = "ticket_and_authorization", "front_port_in_jobs"
    yield answer(ran, both, "two credentials", lambda it: Answer(both, str(it)))
    yield answer(ran, front, "front", lambda it: Answer(front, str(it)), raised="not reached")


def _ticket(told: Mapping[str, str]) -> Answer:
    return Answer(
        "ticket_on_openai_route",
        f"models: {told['models']}; chat: {told['chat']}",
        {"the job's client has a": told["credential"]},
    )


def surroundings(work: Workspace) -> Iterator[Finding]:
    """In DSS's own Python environment, as code recipes are by default."""
    output = work.dataset("kit_surroundings_out")
    ran = work.run_code("kit_surroundings", ["surroundings"], [output])
    yield answer(ran, "surroundings", "process", _process)
    yield answer(
        ran,
        "dss_version",
        "versions",
        lambda it: Answer("dss_version", f"DSS {work.version}, Python {it['python']} in jobs", it),
    )
    yield answer(ran, "result_table_types", "table types", _table_types)


def _process(told: Mapping[str, Any]) -> Answer:
    return Answer(
        "surroundings",
        f"run as {told['run name']}, log level {told['log level']}, directory"
        f" {'writable' if told['directory is writable'] else 'not writable'},"
        f" {len(told['variables'])} variables of DSS, backend on {told['backend']}",
        told,
    )


def _table_types(told: Mapping[str, str]) -> Answer:
    return Answer(
        "result_table_types",
        "by the library: " + ", ".join(f"{name} {it}" for name, it in told.items()),
        {"how numbers sort in the page": "look at this"},
    )


def writers(work: Workspace) -> Iterator[Finding]:
    outputs = [work.dataset(f"kit_{it}") for it in ("untouched", "opened", "written")]
    filled = work.run_code("kit_writers", ["filling"], outputs, filled=outputs)
    filled.must_be("DONE", "The outputs could not be filled")
    work.change_code("kit_writers", ["failing"], filled=outputs)
    failed = work.build(outputs[0])
    failed.must_be("FAILED", "A recipe that raises did not fail")
    for question, name, mark in zip(WRITER_QUESTIONS, outputs, WRITER_MARKS, strict=True):
        yield answer(failed, question, mark, partial(left, work, question, name))


WRITER_QUESTIONS = ("output_before_writer", "writer_opened_only", "writer_on_exception")
# What the recipe must have said before it failed, or the rows that are left tell nothing.
WRITER_MARKS = ("begun", "opened", "written")


def left(work: Workspace, question: str, name: str, _mark: object = None) -> Answer:
    """Of a dataset that held one old row, to which three new ones were written."""
    try:
        rows = work.rows(name)
    except requests.RequestException:
        raise  # DSS did not answer, which tells nothing of the dataset
    except Exception as error:  # noqa: BLE001  # a truncated file is an answer too
        words = f"the dataset cannot be read ({type(error).__name__})"
        return Answer(question, words, {"error": str(error)[:300]})
    told = {
        (): "the output is empty",
        ("old",): "the old row is still there, and no other",
        ("new",) * 3: "the old row is gone, the three new ones are kept",
    }
    found = tuple(str(it["text"]) for it in rows)
    return Answer(question, told.get(found, f"{len(rows)} rows, old and new mixed"))


def folder_output(work: Workspace) -> Iterator[Finding]:
    folder = work.folder("kit_folder")
    work.project.get_managed_folder(folder).put_file("there_before.txt", b"old")
    ran = work.run_code("kit_foldering", ["foldering"], [folder], folder=folder)
    ran.must_be("DONE", "The recipe that writes a folder failed")
    files = work.files("kit_folder")
    kept = "there_before.txt" in files
    yield Answer(
        "folder_output_emptied",
        "no, a file that was there stays" if kept else "yes, the file that was there is gone",
        {"files": files},
    )


def partitions(work: Workspace) -> Iterator[Finding]:
    """Beside a folder; where no code comes to run, alone: only what works alone was refused for the folder."""
    folder, output = work.folder("kit_beside"), work.dataset("kit_partitioned", partitioned=True)
    ran, words, evidence = None, "", {}
    try:
        ran = partition(work, output, folder)
    except DataikuException as error:
        words = f"no, it is refused: {str(error)[:200]}"
    else:
        words, evidence = f"no, the job ended {ran.state}", dict(ran.evidence)
    if ran and came(ran):
        yield Answer("folder_beside_partitions", "yes, the job ended DONE")
    else:
        ran = partition(work, work.dataset("kit_partitioned_alone", partitioned=True))
        if came(ran):
            yield Answer("folder_beside_partitions", words, evidence)
        else:
            both = {**evidence, "without a folder": ran.evidence}
            words = f"a partitioned output alone fails too: the job ended {ran.state}"
            yield Answer("folder_beside_partitions", words, both, NOT_ANSWERED)
    yield answer(
        ran,
        "partition_told",
        "partition",
        lambda told: Answer("partition_told", "; ".join(f"{k}: {it}" for k, it in told.items())),
    )


def partition(work: Workspace, output: str, *folders: str) -> Ran:
    work.code_recipe(f"build_{output}", ["partitioning"], [output, *folders], partitioned=output)
    return work.build(output, partition="a")


def came(ran: Ran) -> bool:
    """To the end of its code, in a job that holds."""
    return ran.state == "DONE" and "partition" in ran.told


NOTED = ("signals_1.json", "signals_2.json")
NONE: Mapping[str, Any] = {"signals": [], "seconds": 0.0}


def abort(work: Workspace) -> Iterator[Finding]:
    folder = work.folder("kit_abort")
    work.code_recipe("kit_waiting", ["waiting"], [folder], folder=folder, noted=NOTED)
    job = work.start(folder)
    work.wait(lambda: "waiting" in marks(log_of(job)) or ended(job), "a job to start", pause=0.3)
    job.abort()
    ran = work.ended(job)
    if "waiting" not in ran.told:
        raise KitError(f"The job ended {ran.state} before it waited.", ran.evidence)
    late = stands_still(lambda: noted(work, folder), work.target.still_seconds)
    last = {**ran.told, **marks(log_of(job))}
    told = {"its log": last.get("after the signal", NONE), "its folder": late}
    seen = max(told.values(), key=_how_late)
    if seen["signals"]:
        names = ", ".join(dict.fromkeys(seen["signals"]))
        words = f"{names}; then lived for {seen['seconds']:g} s at least"
    else:
        words = "none seen: it is killed at once, or nobody listens to it any more"
    upload = last.get("upload after the signal")
    evidence = {"job": ran.state, **told, "upload after the signal": upload}
    yield Answer("abort_signal", words, evidence)


def stands_still(read: Callable[[], Mapping[str, Any]], seconds: float) -> Mapping[str, Any]:
    """What is read once it has not changed for so long: a job is ended before its process is."""
    last, since = read(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(min(seconds, 0.5))
        now = read()
        if now != last:
            last, since = now, time.monotonic()
    return last


def noted(work: Workspace, folder: str) -> Mapping[str, Any]:
    """The last word of its process: the log of a job that is aborted may lack it."""
    last = NONE
    for name in {*NOTED}.intersection(work.files("kit_abort")):
        found = work.project.get_managed_folder(folder).get_file(name)
        with contextlib.suppress(json.JSONDecodeError):  # half an upload
            last = max(last, json.loads(found.content), key=_how_late)
    return last


def _how_late(told: Mapping[str, Any]) -> tuple[int, float]:
    return len(told["signals"]), told["seconds"]


def ended(job: object) -> bool:
    return state(job) in ("DONE", "FAILED", "ABORTED")


STEPS = (
    Step(
        "Credentials of a job",
        credentials,
        ("ticket_on_openai_route", "ticket_and_authorization", "front_port_in_jobs"),
        1,
    ),
    Step(
        "Surroundings of a job", surroundings, ("surroundings", "dss_version", "result_table_types")
    ),
    Step("Writers", writers, WRITER_QUESTIONS),
    Step("A folder as output", folder_output, ("folder_output_emptied",)),
    Step("Partitions", partitions, ("folder_beside_partitions", "partition_told")),
    Step("Abort", abort, ("abort_signal",)),
)
