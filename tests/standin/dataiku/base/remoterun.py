"""The environment block of a job: of the process itself or, in containers, from a file."""

import os

from dataiku._job import job


def get_env_var(name: str, default: str | None = None) -> str | None:
    return job().remote_variables.get(name, os.environ.get(name, default))
