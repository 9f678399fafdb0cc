"""`python -m bench.resume`: how soon a run goes on that finds a million answers in its run folder, in what memory.

The run folder is filled as a run would have left it that was killed when the first million rows were answered; the next
run reads them all, sees that a thousand rows at the end of the input are left, and asks those.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import KIB_A_MIB, run_to_end
from bench.page import rewrite, save, table
from bench.recipe_job import CONFIG, RecipeJob, Setup
from bench.results import conditions
from bench.stub import BenchError, compile_stub, running_stub
from bench.workload import LLM_ID

sys.path.append(str(Path(__file__).resolve().parents[1] / "python-lib"))
from mesh_prompt_batch.answer_block import SavedAnswer, encoded
from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.fingerprint import fingerprint
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.outcome_record import record_of
from mesh_prompt_batch.run_state import RunState
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.usage import Usage

ANSWERED, LEFT, ROUNDS = 1_000_000, 1_000, 3
# As a run leaves them that gets a hundred answers a second and saves five times a second.
BLOCK_ANSWERS, BLOCKS_A_PART = 20, 800
MOST_SECONDS, MOST_OBJECTS = 60.0, 200
LONGEST_SECONDS = 1800
# Texts of which so many come in between that compression finds nothing twice, of words as frequent as a language's.
TEXTS, VOCABULARY, CHARACTERS = 5_000, 4_000, 1_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.resume", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--answered", type=int, default=ANSWERED)
    chosen = parser.parse_args()
    compile_stub()
    kept: dict[str, Any] = {"conditions": conditions(), "runs": []}
    for answered in [chosen.answered // 100] + [chosen.answered] * chosen.rounds:
        kept["runs"].append(resumed(answered))
        print(kept["runs"][-1], flush=True)
    if chosen.answered == ANSWERED:
        save("resume", kept)
        rewrite("resume", report(kept))


def resumed(answered: int) -> dict[str, float]:
    """Raises BenchError where the job failed or asked what was answered."""
    setup = Setup(answered + LEFT, run_folder=True)
    with tempfile.TemporaryDirectory() as name, running_stub(0) as stub:
        job = RecipeJob(stub.host, setup, Path(name))
        fill(job.run_folder, setup, answered)
        ended = run_to_end(job, LONGEST_SECONDS)
        lines, stats = job.end(), stub.stats()
        if stats.requests != LEFT:
            raise BenchError("\n".join([*lines[-10:], f"{stats.requests} calls were made"]))
        return {
            "answered": answered,
            "seconds_until_sending": stats.first_request - ended.started,
            "cpu_seconds_until_sending": ended.cpu_until(stats.first_request),
            "peak_rss_mib": ended.usage.ru_maxrss / KIB_A_MIB,
            "objects_after": len(job.objects()),
            "seconds_in_all": ended.ended - ended.started,
        }


def fill(folder: Path, setup: Setup, answered: int) -> None:
    """The answers of the first rows, and the state of a run that was killed."""
    owner = 12 * "b"
    epoch = folder / f"answers/20260101T000000-{owner}"
    epoch.mkdir(parents=True)
    (folder / "state.json").write_bytes(RunState(epoch.name, saved=answered).to_bytes())
    settings = Settings.from_config({**CONFIG, **setup.settings}, {})
    request_from_row = request_builder(settings, ["instructions", "review"])
    now = int(time.time())
    answers = (
        SavedAnswer(fingerprint(request_from_row(row)), now, _record(number))
        for number, row in enumerate(islice(setup.messages(), answered))
    )
    part, block, blocks = 0, list(islice(answers, BLOCK_ANSWERS)), list[bytes]()
    while block:
        blocks.append(encoded(block))
        block = list(islice(answers, BLOCK_ANSWERS))
        if len(blocks) == BLOCKS_A_PART or not block:
            part += 1
            (epoch / f"{owner}-{part:06d}").write_bytes(b"".join(blocks))
            blocks.clear()


@cache
def _texts() -> Sequence[str]:
    drawn = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(drawn.choices(letters, k=drawn.randint(2, 9))) for _ in range(VOCABULARY)]
    frequencies = [1 / rank for rank in range(1, VOCABULARY + 1)]
    many = (" ".join(drawn.choices(words, frequencies, k=CHARACTERS // 4)) for _ in range(TEXTS))
    return [it[:CHARACTERS] for it in many]


def _record(number: int) -> str:
    message = {"role": "assistant", "content": f"id={number}; {_texts()[number % TEXTS]}"}
    body = {
        "id": f"chatcmpl-{number:016x}",
        "object": "chat.completion",
        "model": LLM_ID,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 200, "total_tokens": 320},
    }
    return record_of(Completion("", "stop", Usage(120, 200), LLM_ID, 0.5, raw=body))


def report(kept: dict[str, Any]) -> str:
    runs: Sequence[dict[str, float]] = kept["runs"]
    names = [
        "answers found",
        "s until sending",
        "CPU s until then",
        "peak RSS MiB",
        "objects after",
    ]
    lines = [
        [
            f"{it['answered']:,.0f}",
            f"{it['seconds_until_sending']:.1f}",
            f"{it['cpu_seconds_until_sending']:.1f}",
            f"{it['peak_rss_mib']:.0f}",
            f"{it['objects_after']:.0f}",
        ]
        for it in runs
    ]
    whole = [it for it in runs if it["answered"] == ANSWERED]
    seconds = median(it["seconds_until_sending"] for it in whole)
    objects = max(it["objects_after"] for it in whole)
    growth = max(it["peak_rss_mib"] for it in whole) - runs[0]["peak_rss_mib"]
    return "\n".join(
        [
            f"{kept['conditions']}. Answers of 1 kB, in a local folder; {LEFT:,} rows at the end are left to be asked.",
            "",
            *table(names, lines),
            "",
            f"- Sending starts after {seconds:.1f} s (median): {_verdict(seconds, MOST_SECONDS)}.",
            f"- {objects:.0f} objects: {_verdict(objects, MOST_OBJECTS)}.",
            f"- {growth:.1f} MiB more than with a hundredth of the answers.",
        ]
    )


def _verdict(measured: float, most: float) -> str:
    return f"{most:.0f} are allowed, {'reached' if measured <= most else '**not reached**'}"


if __name__ == "__main__":
    main()
