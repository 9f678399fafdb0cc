"""The job that this process is, read once."""

import functools
from pathlib import Path

from local_dss import job_description
from local_dss.job_description import JobDescription
from local_dss.project import Project


@functools.cache
def job() -> JobDescription:
    return job_description.load()


def project() -> Project:
    described = job()
    return Project(Path(described.project), described.project_key)


def short_name(name: str, project_key: str | None = None) -> str:
    """The name within this job's project. Raises where it lies in another one."""
    key, _, short = name.rpartition(".")
    key = key or project_key or job().project_key
    if key != job().project_key:
        raise NotImplementedError(f"The stand-in has one project, {job().project_key}, not {key}.")
    return short


def check_declared(short: str, *, ignore_flow: bool) -> None:
    """A recipe may touch its own inputs and outputs alone."""
    described = job()
    roles = [*described.inputs.values(), *described.outputs.values()]
    if not ignore_flow and roles and short not in {name for role in roles for name in role}:
        raise ValueError(f"{short} is not an input or output of this recipe: declare it as one.")
