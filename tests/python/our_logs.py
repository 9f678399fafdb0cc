"""What the plugin's package says to the log, and nobody else."""

import pytest


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Its messages; the loop of another test may have something to say as well."""
    return [it.getMessage() for it in caplog.records if it.name.startswith("mesh_prompt_batch")]
