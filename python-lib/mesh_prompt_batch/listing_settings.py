"""The macro's form, parsed once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mesh_prompt_batch.form import Form, quoted

LABELS = {
    "purposes": "Purposes",
    "name_filter": "Name filter",
    "check_availability": "Check that they answer",
    "probe_capabilities": "Find out what they can do",
    "required_llm_ids": "Required LLM ids",
    "save_to_variable": "Save to variable",
    "save_to_dataset": "Save to dataset",
}
COMPLETION = "GENERIC_COMPLETION"
PURPOSES = (
    COMPLETION,
    "TEXT_EMBEDDING_EXTRACTION",
    "IMAGE_EMBEDDING_EXTRACTION",
    "RERANKING",
    "IMAGE_GENERATION",
)
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ListingSettings:
    """Blank where nothing is to be saved."""

    purposes: tuple[str, ...]
    name_filter: str
    check_availability: bool
    probe_capabilities: bool
    required_llm_ids: tuple[str, ...]
    save_to_variable: str
    save_to_dataset: str

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "ListingSettings":
        """Raises SettingsError for the first setting that cannot work."""
        form = Form(config, LABELS)
        purposes = form.texts("purposes") or (COMPLETION,)
        for purpose in purposes:
            if purpose not in PURPOSES:
                raise form.refused(
                    "purposes", f"knows {', '.join(PURPOSES)}, not {quoted(purpose)}"
                )
        required = [it.strip() for it in form.texts("required_llm_ids") if it.strip()]
        return cls(
            purposes,
            form.text("name_filter").strip(),
            form.flag("check_availability", default=False),
            form.flag("probe_capabilities", default=False),
            tuple(dict.fromkeys(required)),
            _variable_name(form),
            form.text("save_to_dataset").strip(),
        )

    @property
    def asks(self) -> bool:
        """Whether LLMs are called."""
        return self.check_availability or self.probe_capabilities


def _variable_name(form: Form) -> str:
    name = form.text("save_to_variable").strip()
    if name and not _VARIABLE_NAME.fullmatch(name):
        raise form.refused(
            "save_to_variable",
            f"must be a name of letters, digits and underscores, without ${{}}, not {quoted(name)}",
        )
    return name
