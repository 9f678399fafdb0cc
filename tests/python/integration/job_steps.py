"""Questions that only code inside a job can answer: recipes of the kit's own, read by what they say in their logs."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataikuapi.utils import DataikuException

from integration.findings import Answer, Finding, KitError, Step
from integration.recipe_steps import ROWS
from integration.route import QUESTION
from integration.workspace import Ran, Workspace, log_of, marks, state


def looked(work: Workspace) -> Ran:
    """One job for all that need no job of their own."""
    if "looking" not in work.ran:
        scratch = work.dataset("kit_scratch")
        work.code_recipe(
            "kit_looking",
            ["credentials", "surroundings", "reading"],
            [scratch],
            ["kit_prompts", "kit_nothing"],
            llm_id=work.target.llm_id,
            question=QUESTION,
            prompts="kit_prompts",
            nothing="kit_nothing",
            scratch=scratch,
            pause_seconds=work.target.pause_seconds,
        )
        work.ran["looking"] = work.build(scratch)
    return work.ran["looking"]


def credentials(work: Workspace) -> Iterator[Finding]:
    ran = looked(work)
    ticket = ran.need("ticket")
    yield Answer(
        "ticket_on_openai_route",
        f"models: {ticket['models']}; chat: {ticket['chat']}",
        {"the job's client has a": ticket["credential"]},
    )
    yield Answer("ticket_and_authorization", str(ran.need("two credentials")))
    yield Answer("front_port_in_jobs", str(ran.need("front")))


def surroundings(work: Workspace) -> Iterator[Finding]:
    """In DSS's own Python environment, as code recipes are by default."""
    ran = looked(work)
    process, versions = ran.need("process"), ran.need("versions")
    yield Answer(
        "surroundings",
        f"run as {process['run name']}, log level {process['log level']}, directory"
        f" {'writable' if process['directory is writable'] else 'not writable'},"
        f" {len(process['variables'])} variables of DSS, backend on {process['backend']}",
        process,
    )
    yield Answer(
        "dss_version", f"DSS {work.version}, Python {versions['python']} in jobs", versions
    )
    kinds = ran.need("table types")
    yield Answer(
        "result_table_types",
        "by the library: " + ", ".join(f"{name} {it}" for name, it in kinds.items()),
        {"how numbers sort in the page": "look at this"},
    )


def reading(work: Workspace) -> Iterator[Finding]:
    ran = looked(work)
    slow, expected = ran.need("slow reader"), len(ROWS) - 1
    yield Answer(
        "iter_rows_timeout",
        f"after a pause of {slow['pause_seconds']:g} s {slow['rows after it']} of {expected} rows still came",
        {"defaults": ran.need("timeouts")},
    )
    chunks = ran.need("zero rows")
    yield Answer("zero_rows", "one empty chunk" if chunks else "no chunk", {"chunks": chunks})
    yield Answer("null_and_empty", *told_apart(ran.need("null and empty")))
    rows = len(work.rows("kit_scratch"))
    yield Answer("extra_keys", str(ran.need("extra keys")), {"rows": rows})


def told_apart(read: Mapping[str, Sequence[str]]) -> tuple[str, Mapping[str, object]]:
    """Null and empty text, as each way of reading gives them."""
    apart = [way for way, (null, empty) in read.items() if null != empty]
    return f"told apart by {', '.join(apart)}" if apart else "they read alike", read


def writers(work: Workspace) -> Iterator[Finding]:
    outputs = [work.dataset(f"kit_{it}") for it in ("untouched", "opened", "written")]
    work.code_recipe("kit_writers", ["filling"], outputs, filled=outputs)
    filled = work.build(outputs[0])
    if filled.state != "DONE":
        raise KitError(f"The outputs could not be filled: the job ended {filled.state}.")
    work.change_code("kit_writers", ["failing"], filled=outputs)
    failed = work.build(outputs[0])
    if failed.state != "FAILED":
        raise KitError(f"A recipe that raises ended {failed.state}.")
    failed.need("opened")
    for question, name in zip(WRITER_QUESTIONS, outputs, strict=True):
        yield Answer(question, left(work, name), {"job": failed.state})


WRITER_QUESTIONS = ("output_before_writer", "writer_opened_only", "writer_on_exception")


def left(work: Workspace, name: str) -> str:
    """Of a dataset that held one old row, to which three new ones were written."""
    try:
        rows = work.rows(name)
    except Exception as error:  # noqa: BLE001  # a truncated file is an answer too
        return f"the dataset cannot be read ({type(error).__name__})"
    told = {
        (): "the output is empty",
        ("old",): "the old row is still there, and no other",
        ("new",) * 3: "the old row is gone, the three new ones are kept",
    }
    return told.get(tuple(str(it["text"]) for it in rows), f"{len(rows)} rows, old and new mixed")


def folder_output(work: Workspace) -> Iterator[Finding]:
    folder = work.folder("kit_folder")
    work.project.get_managed_folder(folder).put_file("there_before.txt", b"old")
    work.code_recipe("kit_foldering", ["foldering"], [folder], folder=folder)
    ran = work.build(folder)
    if ran.state != "DONE":
        raise KitError(f"The recipe that writes a folder ended {ran.state}.")
    files = work.files("kit_folder")
    kept = "there_before.txt" in files
    yield Answer(
        "folder_output_emptied",
        "no, a file that was there stays" if kept else "yes, the file that was there is gone",
        {"files": files},
    )


def partitions(work: Workspace) -> Iterator[Finding]:
    """Beside a folder; where that is refused, alone, for the second question."""
    folder, ran = work.folder("kit_beside"), None
    try:
        ran = partition(work, "kit_partitioned", folder)
    except DataikuException as error:
        words = f"no, it is refused: {str(error)[:200]}"
    else:
        came = "partition" in ran.told
        words = f"{'yes' if came else 'no'}, the job ended {ran.state}"
    yield Answer("folder_beside_partitions", words)
    if ran is None or "partition" not in ran.told:
        ran = partition(work, "kit_partitioned_alone")
    told = ran.need("partition")
    yield Answer("partition_told", "; ".join(f"{name}: {it}" for name, it in told.items()))


def partition(work: Workspace, name: str, *folders: str) -> Ran:
    output = work.dataset(name, partitioned=True)
    work.code_recipe(f"build_{name}", ["partitioning"], [output, *folders], partitioned=output)
    return work.build(output, partition="a")


NOTED = ("signals_1.json", "signals_2.json")
NONE: Mapping[str, Any] = {"signals": [], "seconds": 0.0}


def abort(work: Workspace) -> Iterator[Finding]:
    folder = work.folder("kit_abort")
    work.code_recipe("kit_waiting", ["waiting"], [folder], folder=folder, noted=NOTED)
    job = work.start(folder)
    work.wait(lambda: "waiting" in marks(log_of(job)) or ended(job), "a job to start", pause=0.3)
    job.abort()
    ran = work.ended(job)
    ran.need("waiting")
    told = {"its log": ran.told.get("after the signal", NONE), "its folder": noted(work, folder)}
    seen = max(told.values(), key=_how_late)
    if seen["signals"]:
        names = ", ".join(dict.fromkeys(seen["signals"]))
        words = f"{names}; then lived for {seen['seconds']:g} s at least"
    else:
        words = "none seen: it is killed at once, or nobody listens to it any more"
    upload = ran.told.get("upload after the signal")
    evidence = {"job": ran.state, **told, "upload after the signal": upload}
    yield Answer("abort_signal", words, evidence)


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
    Step("Reading", reading, ("iter_rows_timeout", "zero_rows", "null_and_empty", "extra_keys")),
    Step("Writers", writers, WRITER_QUESTIONS),
    Step("A folder as output", folder_output, ("folder_output_emptied",)),
    Step("Partitions", partitions, ("folder_beside_partitions", "partition_told")),
    Step("Abort", abort, ("abort_signal",)),
)
