"""The runs of a recipe and partition, a line each in one object of the run folder: for the run report."""

from collections import deque
from collections.abc import Sequence

from mesh_prompt_batch.run_folder import RunFolder
from mesh_prompt_batch.run_record import RunRecord

HISTORY = "runs.jsonl"
MOST_RUNS = 1_000
# No line of ours is longer; something else may lie there.
LONGEST_LINE = 64 * 1024


def kept_lines(folder: RunFolder) -> list[str]:
    """Oldest first, at most MOST_RUNS; what a newer version wrote is among them."""
    if HISTORY not in folder.names_below(HISTORY):
        return []
    lines: deque[str] = deque(maxlen=MOST_RUNS)
    with folder.read(HISTORY) as copy:
        while line := copy.readline(LONGEST_LINE):
            text = line.decode(errors="replace").strip()
            if text and line.endswith(b"\n"):
                lines.append(text)
    return list(lines)


def records_of(lines: Sequence[str]) -> list[RunRecord]:
    """Lines that tell nothing to this version are left out."""
    return [record for line in lines if (record := RunRecord.from_line(line)) is not None]


def write_lines(folder: RunFolder, lines: Sequence[str]) -> None:
    data = "".join(f"{line}\n" for line in lines[-MOST_RUNS:]).encode()
    folder.write_bytes(HISTORY, data)
