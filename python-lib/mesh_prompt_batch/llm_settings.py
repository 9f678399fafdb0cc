"""Which LLM is asked, and with which request parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.form import Form, Range, quoted
from mesh_prompt_batch.variables import with_variables

LABELS = {
    "llm_id": "LLM",
    "llm_id_override": "LLM id as text",
    "fallback_llm_id": "Fallback LLM",
    "llm_id_column": "LLM id column",
    "temperature_column": "Temperature column",
    "max_tokens_column": "Max tokens column",
    "temperature": "Temperature",
    "max_tokens": "Max tokens",
    "top_p": "Top p",
    "frequency_penalty": "Frequency penalty",
    "presence_penalty": "Presence penalty",
    "stop_sequences": "Stop sequences",
}
TEMPERATURES, TOKENS = Range(0, 2), Range(1)


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """`parameters` are the request's own, spelled as the API spells them; what is unset is not in them.

    The columns hold a row's own value in the place of the recipe's; "" where none was chosen. `allowed_llm_ids` are the
    admins'; none of them: all are allowed. `llm_field`: the parameter that names the LLM.
    """

    llm_id: str
    parameters: Mapping[str, object]
    fallback_llm_id: str = ""
    llm_id_column: str = ""
    temperature_column: str = ""
    max_tokens_column: str = ""
    allowed_llm_ids: tuple[str, ...] = ()
    llm_field: str = "llm_id"

    @classmethod
    def from_form(cls, form: Form, variables: Mapping[str, str]) -> "LlmSettings":
        """`variables` are the project's, for `${name}` in the override of the LLM."""
        llm_id, llm_field = _llm_id(form, variables)
        return cls(
            llm_id=llm_id,
            llm_field=llm_field,
            parameters=_request_parameters(form),
            fallback_llm_id=form.text("fallback_llm_id").strip(),
            llm_id_column=form.text("llm_id_column"),
            temperature_column=form.text("temperature_column"),
            max_tokens_column=form.text("max_tokens_column"),
        )

    @property
    def llm_ids(self) -> tuple[str, ...] | None:
        """All that rows may ask; None where rows name their own."""
        return None if self.llm_id_column else (self.llm_id,)

    def chosen_columns(self) -> Sequence[tuple[str, str]]:
        """Parameter and column, of the columns whose cells are read."""
        return [
            ("llm_id_column", self.llm_id_column),
            ("temperature_column", self.temperature_column),
            ("max_tokens_column", self.max_tokens_column),
        ]

    def described(self) -> Mapping[str, object]:
        own = [name for _, name in self.chosen_columns() if name]
        return {
            "LLM": self.llm_id,
            "fallback LLM": self.fallback_llm_id or "none",
            **self.parameters,
            "rows' own settings": ", ".join(own) or "none",
        }


def _llm_id(form: Form, variables: Mapping[str, str]) -> tuple[str, str]:
    """With the parameter that has it."""
    override = _with_variables(form.text("llm_id_override").strip(), variables)
    if override:
        return override, "llm_id_override"
    advice = f"choose one, or fill in '{LABELS['llm_id_override']}'"
    return form.required_text("llm_id", advice).strip(), "llm_id"


def _with_variables(text: str, variables: Mapping[str, str]) -> str:
    resolved, unknown = with_variables(text, variables)
    if unknown:
        raise SettingsError(
            f"'{LABELS['llm_id_override']}': the project has no variable {quoted(unknown[0])}."
        )
    return resolved.strip()


def _request_parameters(form: Form) -> dict[str, object]:
    penalty = Range(-2, 2)
    parameters: dict[str, object] = {
        "temperature": form.optional_number("temperature", TEMPERATURES, 0.0),
        "max_tokens": form.optional_integer("max_tokens", TOKENS, 500),
        "top_p": form.optional_number("top_p", Range(0, 1), None),
        "frequency_penalty": form.optional_number("frequency_penalty", penalty, None),
        "presence_penalty": form.optional_number("presence_penalty", penalty, None),
        "stop": list(form.texts("stop_sequences")) or None,
    }
    return {name: value for name, value in parameters.items() if value is not None}
