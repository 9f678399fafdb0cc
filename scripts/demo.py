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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/standin")]

from scripts.venv import VenvError, venv_python  # noqa: E402  # needs the path

from embedded.model import MODEL, EmbeddedModelError, running_model  # noqa: E402  # needs the path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from local_dss.code_env import Plugin
    from local_dss.job import JobResult
    from local_dss.mesh_server import MeshServer, Upstream
    from local_dss.project import Project

FOLDER = ROOT / ".demo"
PROJECT_KEY = "DEMO"
SHOWN, WIDEST_CELL = 8, 60
ROWS_BY_SCHEMA = 5
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
    with MeshServer(llms=[llm], upstream=model, response_format="honoured") as mesh:
        return show(mesh, llm_id)


def show(mesh: MeshServer, llm_id: str) -> int:
    """Both components as jobs, from the zip."""
    from local_dss.code_env import installed_plugin  # noqa: PLC0415  # as above
    from local_dss.project import Project  # noqa: PLC0415

    project = Project(FOLDER / "project", PROJECT_KEY)
    jobs = Jobs(installed_plugin(FOLDER), project, mesh.backend, llm_id)
    reviews = read_csv(ROOT / "examples/reviews.csv")
    project.create_texts("reviews", reviews)

    heading("Macro List available LLMs, with the check that they answer")
    listed = jobs.macro("list-llms", {"check_availability": True, "required_llm_ids": [llm_id]})
    if not listed.succeeded:
        print(f"\n{listed.banner}", file=sys.stderr)
        print("Where you gave BASE_URL, API_KEY and LLM_ID: check them.", file=sys.stderr)
        return 1
    labels = [column["label"] for column in listed.result["columns"]]
    print_table(labels, listed.result["records"])

    heading(f"Recipe Prompt batch: {len(reviews)} reviews, the job's log")
    started = time.monotonic()
    result = jobs.recipe("labelled", settings_of("reviews.settings.json"), on_line=print)
    if not result.succeeded:
        print(f"\n{result.banner}", file=sys.stderr)
        return 1
    seconds, rows = time.monotonic() - started, project.dataset("labelled").rows()
    show_rows(rows)
    by_schema = show_schema(jobs)
    report(rows, seconds)
    return 0 if by_schema else 1


def show_schema(jobs: Jobs) -> bool:
    """The first reviews twice: some endpoints keep to a schema by themselves, the LLM Mesh may not pass it on.

    Whether both jobs succeeded.
    """
    heading(f"The first {ROWS_BY_SCHEMA} reviews once more, by a JSON schema")
    settings = {**settings_of("reviews.json_schema.json"), "row_limit": ROWS_BY_SCHEMA}
    lines, succeeded = [], True
    for native, way in ((True, "as response_format too"), (False, "by the prompt alone")):
        started = time.monotonic()
        result = jobs.recipe("by_schema", {**settings, "native_json_schema": native})
        if not result.succeeded:
            print(f"The schema sent {way}: {result.banner}\n", file=sys.stderr)
            lines.append([way, "the job failed", "", "", ""])
            succeeded = False
            continue
        rows = jobs.project.dataset("by_schema").rows()
        valid = [row for row in rows if not row["error_type"]]
        right = sum(row["sentiment"] == row["label"] for row in valid)
        calls = sum(int(row["attempts"]) for row in rows)
        seconds = f"{time.monotonic() - started:.1f}"
        lines.append([way, str(len(valid)), str(right), str(calls), seconds])
    print_table(["schema sent", "valid answers", "labels right", "calls", "seconds"], lines)
    return succeeded


@dataclass(frozen=True)
class Jobs:
    """Starts the plugin's components over the dataset `reviews`."""

    plugin: Plugin
    project: Project
    host: str
    llm_id: str

    def macro(self, name: str, config: Mapping[str, object]) -> JobResult:
        return self._run(self.plugin.macro(name), config)

    def recipe(
        self,
        output: str,
        config: Mapping[str, object],
        on_line: Callable[[str], None] = lambda _line: None,
    ) -> JobResult:
        return self._run(
            self.plugin.recipe,
            {"llm_id": self.llm_id, **config},
            on_line,
            inputs={"messages": ["reviews"]},
            outputs={"completions": [output]},
        )

    def _run(
        self,
        component: Path,
        config: Mapping[str, object],
        on_line: Callable[[str], None] = lambda _line: None,
        **datasets: Any,  # noqa: ANN401  # inputs and outputs
    ) -> JobResult:
        from local_dss.job import start  # noqa: PLC0415  # only the dss environment has what it needs
        from local_dss.job_description import JobDescription  # noqa: PLC0415

        description = JobDescription(
            project=str(self.project.folder),
            project_key=PROJECT_KEY,
            host=self.host,
            ticket="ticket-of-the-job",
            config=config,
            **datasets,
        )
        return start(self.plugin, component, description, on_line=on_line).wait(LONGEST_JOB_SECONDS)


def settings_of(name: str) -> dict[str, object]:
    settings: dict[str, object] = json.loads((ROOT / "examples" / name).read_text(encoding="utf-8"))
    return settings


def show_rows(rows: Sequence[Mapping[str, str]]) -> None:
    heading("The first rows of the output")
    columns = ["review_id", "product", "label", "completion", "finish_reason", "completion_tokens"]
    shown = [[textwrap.shorten(row[name], WIDEST_CELL) for name in columns] for row in rows]
    print_table(columns, shown[:SHOWN])


def report(rows: Sequence[Mapping[str, str]], seconds: float) -> None:
    """The demo's last words."""
    heading("What came of it")
    output = FOLDER / "labelled.csv"
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    right = sum(row["completion"].strip().rstrip(".") == row["label"] for row in rows)
    tokens = [
        sum(int(row[name] or 0) for row in rows) for name in ("prompt_tokens", "completion_tokens")
    ]
    print(
        f"Output: {output.relative_to(ROOT)}; the same as a dataset: {FOLDER.name}/project/datasets/labelled."
    )
    print(f"Tokens: {tokens[0]:,} in, {tokens[1]:,} out. The recipe's job took {seconds:.1f} s.")
    print(f"Labels right: {right} of {len(rows)}.")


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
