"""A scenario as its Python steps see it."""

from typing import Any

from dataiku._job import job


class Scenario:
    """The running one."""

    def get_previous_steps_outputs(self) -> list[dict[str, Any]]:
        return [dict(it) for it in job().previous_steps]
