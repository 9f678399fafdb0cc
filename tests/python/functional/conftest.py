"""The plugin, built and installed once a session, and a project to run it in."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from matrix import SEED
from scripts.build_plugin import build
from scripts.venv import VenvError, venv_python

from embedded.model import running_model
from local_dss import warm_start
from local_dss.code_env import Plugin, dss_python, installed_plugin
from local_dss.instance import Instance
from local_dss.mesh_server import MeshServer
from local_dss.process import StartProcess, cold
from local_dss.project import Project
from local_dss.project_api import ProjectApi
from local_flow import Flow

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With SHARE=2/3 the second third of these tests and all of the files in ALWAYS; what else is collected stays."""
    number, _, of = os.environ.get("SHARE", "1/1").partition("/")
    always = os.environ.get("ALWAYS", "").split(",")
    ours = [it for it in items if it.path.is_relative_to(HERE) and it.path.name not in always]
    left_out = {it for at, it in enumerate(ours) if at % int(of) != int(number) - 1}
    config.hook.pytest_deselected(items=[*left_out])
    items[:] = [it for it in items if it not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """So that the same samples can be drawn again."""
    terminalreporter.write_line(f"Samples of the matrices were drawn with SEED={SEED}.")


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    return installed_plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="session")
def warm() -> Iterator[StartProcess]:
    """Not where it is the packages that are tried, see scripts/compatibility.py."""
    if "JOB_PYTHON" in os.environ or not warm_start.is_possible():
        yield cold
        return
    with closing(warm_start.WarmStart()) as start:
        yield start


@pytest.fixture
def start_process(request: pytest.FixtureRequest, warm: StartProcess) -> StartProcess:
    """How the jobs of a test start: those of tests marked `cold` as Dataiku starts them."""
    return cold if request.node.get_closest_marker("cold") else warm


@pytest.fixture
def flow(plugin: Plugin, tmp_path: Path, start_process: StartProcess) -> Iterator[Flow]:
    project = Project(tmp_path / "project", "DEMO")
    with MeshServer(project=ProjectApi(project)) as mesh:
        yield Flow(plugin, project, mesh, start_process=start_process)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("zip"))


@pytest.fixture
def instance(tmp_path: Path, start_process: StartProcess) -> Instance:
    """Managed through its public API alone."""
    return Instance(tmp_path / "dss", dss_python(), start_process=start_process)


@pytest.fixture
def dss(instance: Instance) -> Iterator[MeshServer]:
    with MeshServer(instance=instance) as mesh:
        yield mesh


@pytest.fixture(scope="session")
def embedded_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of the real model; there are systems without a wheel of its engine."""
    try:
        python = venv_python("embedded")
    except VenvError as error:
        pytest.skip(str(error))
    log = tmp_path_factory.mktemp("model") / "model.log"
    with running_model(python, log) as base_url:
        yield base_url
