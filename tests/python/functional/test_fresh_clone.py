"""The two commands of the README in a fresh clone: with an endpoint of one's own, and where no model can be had."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.venv import venv_python

from local_dss.llms import LLM_ID
from local_dss.mesh_server import MeshServer

ROOT = Path(__file__).resolve().parents[3]
# What is made here, and what the demo has no use for.
LEFT_OUT = (".*", "dist", "build", "bench", "images", "__pycache__")
GIVEN = ("BASE_URL", "API_KEY", "LLM_ID")
pytestmark = pytest.mark.skipif(
    "JOB_PYTHON" in os.environ, reason="a clone has environments of its own"
)
SENTIMENT = '{"sentiment": "Positive"}'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project with the environments of jobs and of tests, but without the embedded model's."""
    there = tmp_path / "clone"
    shutil.copytree(ROOT, there, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (there / ".venv").mkdir()
    for name in ("dss", "dev"):
        home = venv_python(name).parents[1]
        (there / ".venv" / home.name).symlink_to(home)
    return there


@pytest.fixture
def endpoint() -> Iterator[MeshServer]:
    with MeshServer(response_format="honoured") as mesh:
        yield mesh


def address_of(endpoint: MeshServer) -> dict[str, str]:
    base_url = f"{endpoint.front}/public/api/projects/DEMO/llms/openai/v1"
    return {"BASE_URL": base_url, "API_KEY": "dku-personal-key", "LLM_ID": LLM_ID}


def run(clone: Path, *command: str, **given: str) -> "subprocess.CompletedProcess[str]":
    """In the clone; pip finds no package, as where a system has no wheel."""
    inherited = {name: it for name, it in os.environ.items() if name not in GIVEN}
    return subprocess.run(
        command,
        cwd=clone,
        env={**inherited, "PIP_NO_INDEX": "1", **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def demo(clone: Path, **given: str) -> "subprocess.CompletedProcess[str]":
    # By make the exit code would be make's own.
    return run(clone, sys.executable, "scripts/demo.py", **given)


def test_with_an_endpoint_of_one_s_own_it_ends_with_the_count_of_labels(
    clone: Path, endpoint: MeshServer
) -> None:
    endpoint.answer = lambda question: "Positive" if "one word" in question else SENTIMENT
    done = demo(clone, **address_of(endpoint))
    assert (done.returncode, done.stderr) == (0, "")
    *_, output, tokens, count = done.stdout.splitlines()
    assert count == "Labels right: 21 of 42."
    assert "The recipe's job took" in tokens
    assert output.startswith("Output: .demo/labelled.csv;")
    assert (clone / ".demo/labelled.csv").read_text().count(",Positive,Positive,") == 21
    assert "small-model, through the local stand-in" in done.stdout


def test_a_job_that_fails_is_said_and_the_count_still_comes_last(
    clone: Path, endpoint: MeshServer
) -> None:
    endpoint.answer = lambda _question: "Positive"
    done = demo(clone, **address_of(endpoint))
    assert done.returncode == 1
    assert "The schema sent by the prompt alone: " in done.stderr
    assert "No row was answered (invalid_output: 5" in done.stderr
    assert re.search("by the prompt alone +the job failed\n", done.stdout)
    assert done.stdout.endswith("Labels right: 21 of 42.\n")


def test_half_an_endpoint_is_refused(clone: Path) -> None:
    done = demo(clone, BASE_URL="http://127.0.0.1:1/v1")
    assert done.returncode == 2
    assert "Give BASE_URL, API_KEY and LLM_ID together, or none of them." in done.stderr


def test_without_a_wheel_of_the_model_s_engine_it_says_what_runs_instead(clone: Path) -> None:
    done = demo(clone)
    assert done.returncode == 2
    assert "The packages of the embedded environment could not be installed" in done.stderr
    assert "this is " in done.stderr
    assert done.stderr.endswith(
        "    make demo BASE_URL=http://127.0.0.1:11434/v1 API_KEY=unused LLM_ID=llama3.2\n\n"
    )


def test_make_test_goes_on_without_the_model(clone: Path) -> None:
    done = run(clone, "make", "test", f"PYTHON={sys.executable}", "PYTEST_ARGS=--version")
    sentence = "The embedded model cannot be installed here: its tests are skipped.\n"
    assert sentence in done.stdout
    assert "pytest " in done.stdout.partition(sentence)[2]


def test_a_test_that_needs_the_model_is_skipped_with_the_reason(clone: Path) -> None:
    one = "tests/python/functional/test_embedded_model.py::test_the_client_completes_streams_and_lists"
    done = run(clone, sys.executable, "-m", "pytest", one)
    assert done.returncode == 0, done.stdout
    assert "The packages of the embedded environment could not be installed" in done.stdout
    assert "1 skipped" in done.stdout
