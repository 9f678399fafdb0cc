"""The plugin's own settings, written by admins, parsed once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mesh_prompt_batch.ceilings import NO_CEILINGS, Ceilings
from mesh_prompt_batch.form import Form, Range

LABELS = {
    "api_key": "API key",
    "dss_url": "DSS URL",
    "ca_bundle": "CA certificates file",
    "temporary_api_keys": "Temporary API keys",
    "max_concurrency_ceiling": "Most calls at once",
    "spend_ceiling_per_run": "Most spent by a run",
    "allowed_llm_ids": "Allowed LLM ids",
}


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """Blank texts where an admin set nothing."""

    api_key: str = field(default="", repr=False)
    dss_url: str = ""
    ca_bundle: str = ""
    temporary_api_keys: bool = False
    ceilings: Ceilings = NO_CEILINGS

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "PluginSettings":
        """Raises SettingsError for the first setting that cannot work."""
        form = Form(config, LABELS)
        return cls(
            form.text("api_key").strip(),
            form.text("dss_url").strip(),
            form.text("ca_bundle").strip(),
            form.flag("temporary_api_keys", default=False),
            Ceilings(
                form.optional_integer("max_concurrency_ceiling", Range(1), None),
                form.optional_amount("spend_ceiling_per_run", Range(0)),
                tuple(it.strip() for it in form.texts("allowed_llm_ids") if it.strip()),
            ),
        )
