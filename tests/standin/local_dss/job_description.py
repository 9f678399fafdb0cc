"""What a job's process is told about itself: one JSON file, named by one environment variable."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local_dss.behaviour import Behaviour

VARIABLE = "LOCAL_DSS_JOB"


@dataclass(frozen=True, slots=True)
class JobDescription:
    """`inputs` and `outputs` hold short names by role; `appends` names the outputs that append.

    A process with a `ticket` is inside DSS; one with an `api_key` is a program outside. `verify` as a `requests`
    session has it. `remote_variables`: the DKU_* variables that a container has in a file, not in its environment.
    `previous_steps`: what a step of a scenario is told of those before it. `partition`: the one that the flow has
    the recipe read and write of datasets that are `partitioned`.
    """

    project: str
    project_key: str
    host: str = "http://127.0.0.1:9"
    ticket: str | None = None
    api_key: str | None = None
    verify: bool | str = True
    inputs: Mapping[str, list[str]] = field(default_factory=dict)
    outputs: Mapping[str, list[str]] = field(default_factory=dict)
    appends: list[str] = field(default_factory=list)
    config: Mapping[str, object] = field(default_factory=dict)
    plugin_config: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    remote_variables: Mapping[str, str] = field(default_factory=dict)
    plugin_libraries: Mapping[str, str] = field(default_factory=dict)
    partition: str = ""
    partitioned: list[str] = field(default_factory=list)
    previous_steps: list[dict[str, Any]] = field(default_factory=list)
    behaviour: Behaviour = field(default_factory=Behaviour)

    def partition_of(self, dataset: str) -> str:
        """As the files know it; "" where it has none."""
        return self.partition if dataset in self.partitioned else ""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))
        path.chmod(0o600)


def load() -> JobDescription:
    """The job that this process is."""
    path = os.environ.get(VARIABLE)
    if not path:
        raise RuntimeError("This process is no local job: run it through local_dss.job.")
    text = json.loads(Path(path).read_text())
    return JobDescription(**{**text, "behaviour": Behaviour(**text["behaviour"])})
