"""Runs of the kit for a real DSS, on the stand-in's public API."""

import os
import subprocess
import sys
from pathlib import Path

from integration.course import STEPS, Voice, run_kit
from integration.findings import Step
from integration.interruption import Interruption
from integration.questions import QUESTIONS
from integration.report import Report
from integration.target import Target
from local_dss.instance import Instance
from local_dss.llms import LLM_ID
from local_dss.mesh_server import MeshServer

KEY = "dku-personal-key"
BY_NAME = {it.name: it for it in STEPS}
HERE = Path(__file__).parent


def run(
    dss: MeshServer,
    archive: Path,
    *steps: Step,
    said: list[str] | None = None,
    interruption: Interruption | None = None,
) -> Report:
    target = Target(dss.front, KEY, LLM_ID, pause_seconds=0.1, still_seconds=1.5)
    heard = list[str]() if said is None else said
    voice = Voice(heard.append, heard.append)
    return run_kit(target, archive, voice, steps or STEPS, interruption)


def kit_process(archive: Path, folder: Path, **environment: str) -> "subprocess.Popen[str]":
    """As `make integration` starts it: without the stand-in in its path."""
    command = [sys.executable, "-m", "integration", str(archive), "--report", str(folder)]
    bare = {name: it for name, it in os.environ.items() if not name.startswith(("DSS_", "LLM_"))}
    path = {"PYTHONPATH": str(HERE), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, env={**bare, **path, **environment}, stdout=subprocess.PIPE, text=True
    )


def is_empty(instance: Instance) -> bool:
    return not (instance.plugins or instance.code_envs or instance.projects)


def answers(report: Report) -> dict[str, str]:
    return {it.id: report.answer(it).answer for it in QUESTIONS}
