"""`make demo`: the macro list-llms, then the recipe, on product reviews, in the local stand-in for Dataiku.

The model is the embedded one, or any OpenAI-compatible endpoint given by BASE_URL, API_KEY and LLM_ID.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import platform
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/standin")]

from scripts.venv import VenvError, venv_python  # noqa: E402  # needs the path

from embedded.model import MODEL, EmbeddedModelError, running_model  # noqa: E402  # needs the path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from local_dss.mesh_server import MeshServer, Upstream

FOLDER = ROOT / ".demo"
PROJECT_KEY = "DEMO"
SHOWN, WIDEST_CELL = 8, 60
LONGEST_JOB_SECONDS = 3600.0
INSIDE = "MESH_PROMPT_BATCH_DEMO"


def main() -> int:
    """Exit code 2 where no model can be had, 1 where a job failed."""
    try:
        python = venv_python("dss")
    except VenvError as error:
        print(error, file=sys.stderr)
        return 2
    if os.environ.get(INSIDE) != "1":
        # The stand-in needs the packages that Dataiku has.
        inside = {**os.environ, INSIDE: "1"}
        return subprocess.run([str(python), __file__], env=inside, check=False).returncode
    try:
        with upstream() as model:
            return demo(model)
    except (EmbeddedModelError, VenvError) as error:
        print(
            f"\n{error}\nThe embedded model runs on Linux with glibc, macOS 13 or newer, and Windows x64;"
            f" this is {platform.system()} {platform.machine()}."
            " With any OpenAI-compatible endpoint the demo runs too:\n\n"
            "    make demo BASE_URL=http://127.0.0.1:11434/v1 API_KEY=unused LLM_ID=llama3.2\n",
            file=sys.stderr,
        )
        return 2


@contextlib.contextmanager
def upstream() -> Iterator[Upstream]:
    """What answers in earnest."""
    from local_dss.mesh_server import Upstream  # noqa: PLC0415  # only the dss environment has what it needs

    given = [os.environ.get(name, "") for name in ("BASE_URL", "API_KEY", "LLM_ID")]
    if all(given):
        yield Upstream(*given)
        return
    if any(given):
        raise EmbeddedModelError("Give BASE_URL, API_KEY and LLM_ID together, or none of them.")
    python = venv_python("embedded")
    FOLDER.mkdir(exist_ok=True)
    with running_model(python, FOLDER / "model.log") as base_url:
        yield Upstream(base_url, "unused", MODEL)


def demo(model: Upstream) -> int:
    from local_dss.mesh_server import MeshServer  # noqa: PLC0415  # as above

    llm_id = f"openai:demo:{model.model}"
    llm = {
        "id": llm_id,
        "type": "OPENAI",
        "friendlyName": f"{model.model}, through the local stand-in",
        "connection": "demo",
        "purposes": ["GENERIC_COMPLETION"],
    }
    with MeshServer(llms=[llm], upstream=model) as mesh:
        return show(mesh, llm_id)


def show(mesh: MeshServer, llm_id: str) -> int:
    """Both components as jobs, from the zip."""
    from local_dss.code_env import installed_plugin  # noqa: PLC0415  # as above
    from local_dss.job import start  # noqa: PLC0415
    from local_dss.job_description import JobDescription  # noqa: PLC0415
    from local_dss.project import Project  # noqa: PLC0415

    plugin = installed_plugin(FOLDER)
    project = Project(FOLDER / "project", PROJECT_KEY)
    reviews = read_csv(ROOT / "examples/reviews.csv")
    project.create_texts("reviews", reviews)
    settings = json.loads((ROOT / "examples/reviews.settings.json").read_text(encoding="utf-8"))
    inside = {"project": str(project.folder), "project_key": PROJECT_KEY, "host": mesh.backend}
    inside["ticket"] = "ticket-of-the-job"

    heading("Macro List available LLMs, with the check that they answer")
    job = JobDescription(
        **inside,  # type: ignore[arg-type]  # texts all
        config={"check_availability": True, "required_llm_ids": [llm_id]},
    )
    listed = start(plugin, plugin.macro("list-llms"), job).wait(LONGEST_JOB_SECONDS)
    if not listed.succeeded:
        print(f"\n{listed.banner}", file=sys.stderr)
        print("Where you gave BASE_URL, API_KEY and LLM_ID: check them.", file=sys.stderr)
        return 1
    labels = [column["label"] for column in listed.result["columns"]]
    print_table(labels, listed.result["records"])

    heading(f"Recipe Prompt batch: {len(reviews)} reviews, the job's log")
    job = JobDescription(
        **inside,  # type: ignore[arg-type]  # as above
        inputs={"messages": ["reviews"]},
        outputs={"completions": ["labelled"]},
        config={"llm_id": llm_id, **settings},
    )
    started = time.monotonic()
    recipe = start(plugin, plugin.recipe, job, on_line=print)
    result = recipe.wait(LONGEST_JOB_SECONDS)
    if not result.succeeded:
        print(f"\n{result.banner}", file=sys.stderr)
        return 1
    report(project.dataset("labelled").rows(), time.monotonic() - started)
    return 0


def report(rows: Sequence[Mapping[str, str]], seconds: float) -> None:
    heading("The first rows of the output")
    columns = ["review_id", "product", "label", "completion", "finish_reason", "completion_tokens"]
    shown = [[textwrap.shorten(row[name], WIDEST_CELL) for name in columns] for row in rows]
    print_table(columns, shown[:SHOWN])
    output = FOLDER / "labelled.csv"
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    right = sum(row["completion"].strip().rstrip(".") == row["label"] for row in rows)
    tokens = [
        sum(int(row[name] or 0) for row in rows) for name in ("prompt_tokens", "completion_tokens")
    ]
    print(f"\nLabels right: {right} of {len(rows)}.")
    print(f"Tokens: {tokens[0]:,} in, {tokens[1]:,} out. The recipe's job took {seconds:.1f} s.")
    print(
        f"Output: {output.relative_to(ROOT)}; the same as a dataset: {FOLDER.name}/project/datasets/labelled."
    )


def heading(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m\n" if sys.stdout.isatty() else f"\n{text}\n{'-' * len(text)}")


def print_table(labels: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(str(it)) for it in column) for column in zip(labels, *rows)]  # noqa: B905  # equal by construction
    for row in (labels, ["-" * width for width in widths], *rows):
        print("  ".join(str(it).ljust(width) for it, width in zip(row, widths)).rstrip())  # noqa: B905  # as above


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
