"""Which LLM is asked, and with which request parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.form import Form, Range
from mesh_prompt_batch.variables import with_variables

LABELS = {
    "llm_id": "LLM",
    "llm_id_override": "LLM id as text",
    "temperature": "Temperature",
    "max_tokens": "Max tokens",
    "top_p": "Top p",
    "frequency_penalty": "Frequency penalty",
    "presence_penalty": "Presence penalty",
    "stop_sequences": "Stop sequences",
}


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """`parameters` are the request's own, spelled as the API spells them; what is unset is not in them."""

    llm_id: str
    parameters: Mapping[str, object]

    @classmethod
    def from_form(cls, form: Form, variables: Mapping[str, str]) -> "LlmSettings":
        """`variables` are the project's, for `${name}` in the override of the LLM."""
        return cls(llm_id=_llm_id(form, variables), parameters=_request_parameters(form))

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        """Parameter and column, of the columns whose cells are read."""
        return ()

    def described(self) -> Mapping[str, object]:
        return {"LLM": self.llm_id, **self.parameters}


def _llm_id(form: Form, variables: Mapping[str, str]) -> str:
    override = _with_variables(form.text("llm_id_override").strip(), variables)
    advice = f"choose one, or fill in '{LABELS['llm_id_override']}'"
    return override or form.required_text("llm_id", advice).strip()


def _with_variables(text: str, variables: Mapping[str, str]) -> str:
    resolved, unknown = with_variables(text, variables)
    if unknown:
        raise SettingsError(
            f"'{LABELS['llm_id_override']}': the project has no variable '{unknown[0]}'."
        )
    return resolved.strip()


def _request_parameters(form: Form) -> dict[str, object]:
    penalty = Range(-2, 2)
    parameters: dict[str, object] = {
        "temperature": form.optional_number("temperature", Range(0, 2), 0.0),
        "max_tokens": form.optional_integer("max_tokens", Range(1), 500),
        "top_p": form.optional_number("top_p", Range(0, 1), None),
        "frequency_penalty": form.optional_number("frequency_penalty", penalty, None),
        "presence_penalty": form.optional_number("presence_penalty", penalty, None),
        "stop": list(form.texts("stop_sequences")) or None,
    }
    return {name: value for name, value in parameters.items() if value is not None}
