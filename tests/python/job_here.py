"""This process as a job over one dataset, `data`, of the stand-in."""

from pathlib import Path
from typing import Any

import pytest

import dataiku
import dataiku._job
from local_dss.job_description import VARIABLE, JobDescription
from local_dss.project import Project

SCHEMA: list[dict[str, object]] = [
    {"name": "text", "type": "string"},
    {"name": "count", "type": "bigint"},
]


class Job:
    """This process as a job over one dataset, `data`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch
        self.enter()

    def enter(self, **changes: Any) -> None:
        described = {"project": str(self._folder), "project_key": "P", **changes}
        described.setdefault("outputs", {"completions": ["data"]})
        JobDescription(**described).save(self._folder / "job.json")
        self._monkeypatch.setenv(VARIABLE, str(self._folder / "job.json"))
        dataiku._job.job.cache_clear()

    def holding(self, *rows: tuple[str, str]) -> dataiku.Dataset:
        Project(self._folder, "P").create("data", SCHEMA, rows)
        return dataiku.Dataset("P.data")

    @property
    def stored(self) -> list[dict[str, str]]:
        return Project(self._folder, "P").dataset("data").rows()
