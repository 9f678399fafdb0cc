"""In which form answers are wanted: text, JSON, or JSON by a schema."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mesh_prompt_batch.completion import CompletionRequest, Message
from mesh_prompt_batch.form import Form
from mesh_prompt_batch.found_json import InvalidAnswerError, containers_in
from mesh_prompt_batch.json_schema import JsonSchema
from mesh_prompt_batch.property_columns import PropertyColumn, property_columns
from mesh_prompt_batch.schema_text import UnusableSchemaError

LABELS = {
    "output_format": "Output format",
    "json_schema": "JSON schema",
    "native_json_schema": "Send the schema as response_format too",
}
OUTPUT_FORMATS = ("text", "json", "json_schema")
_ONLY_JSON = "and nothing else: no explanation, no code fence."


@dataclass(frozen=True, slots=True)
class FormatSettings:
    """`schema` is there with the format json_schema alone; `native`: it is also sent as `response_format`."""

    output_format: str = "text"
    schema: JsonSchema | None = None
    native: bool = False
    columns: Sequence[PropertyColumn] = field(default=(), repr=False)

    @classmethod
    def from_form(cls, form: Form) -> "FormatSettings":
        output_format = form.choice("output_format", OUTPUT_FORMATS, "text")
        if output_format != "json_schema":
            return cls(output_format)
        advice = "write the JSON schema that answers must follow, or choose another output format"
        text = form.required_text("json_schema", advice).lstrip("\ufeff")
        try:
            schema = JsonSchema.parsed(text)
        except UnusableSchemaError as error:
            raise form.refused("json_schema", str(error)) from None
        native = form.flag("native_json_schema", default=False)
        return cls(output_format, schema, native, tuple(property_columns(schema)))

    def described(self) -> Mapping[str, object]:
        if self.schema is None:
            return {"output format": self.output_format}
        sent = ", sent as response_format too" if self.native else ""
        return {"output format": f"{self.output_format} ({self.schema.described()}{sent})"}

    @property
    def wants_json(self) -> bool:
        return self.output_format != "text"

    def applied(self, request: CompletionRequest) -> CompletionRequest:
        """The request, with what the LLM must be told about the form of its answer."""
        if not self.wants_json:
            return request
        messages = _with_instruction(request.messages, self._instruction())
        if not self.native or self.schema is None:
            return replace(request, messages=messages)
        named = {"name": "answer", "strict": True, "schema": self.schema.document}
        response_format = {"type": "json_schema", "json_schema": named}
        parameters = {**request.parameters, "response_format": response_format}
        return replace(request, messages=messages, parameters=parameters)

    def value_in(self, text: str) -> object:
        """The JSON in an answer. Raises InvalidAnswerError where there is none, or it is not as it must be."""
        if self.schema is None:
            for container in containers_in(text):
                return container
            raise InvalidAnswerError("It holds no JSON object or array of objects.")
        problem = ""
        try:
            for value in self._objects_in(text):
                found = self._problem(value)
                if found is None:
                    return value
                problem = problem or found
        except InvalidAnswerError:
            if not problem:
                raise
        raise InvalidAnswerError(problem or "It holds no JSON object.")

    def cells(self, text: str) -> list[str | int | float | None]:
        """One a column, of an answer that `value_in` takes."""
        try:
            found = self._objects_in(text)
            first, second = next(found, {}), next(found, None)
            # Checked already when it came: again only where there is a choice.
            value = first if second is None else self.value_in(text)
        except InvalidAnswerError:
            value = None
        properties = value if isinstance(value, dict) else {}
        return [column.cell(properties.get(column.key)) for column in self.columns]

    def _objects_in(self, text: str) -> Iterator[dict[str, object]]:
        for value in containers_in(text):
            # Chatter may repeat the schema, which is often an answer to itself.
            if isinstance(value, dict) and not (self.schema and value == self.schema.document):
                yield value

    def _problem(self, value: Mapping[str, object]) -> str | None:
        problem = self.schema.problem(value) if self.schema else None
        if problem:
            return problem
        for column in self.columns:
            if not column.fits(value.get(column.key)):
                return f"{column.key}: the number is too large."
        return None

    def _instruction(self) -> str:
        if self.schema is None:
            return f"Answer with one JSON object {_ONLY_JSON}"
        return (
            f"Answer with one JSON object that is valid by the following JSON Schema, {_ONLY_JSON}\n"
            f"{json.dumps(self.schema.document, ensure_ascii=False)}"
        )


def _with_instruction(messages: tuple[Message, ...], instruction: str) -> tuple[Message, ...]:
    """Behind what the system message says, which a conversation's may do in parts."""
    first = messages[0] if messages else {}
    if first.get("role") != "system":
        return ({"role": "system", "content": instruction}, *messages)
    content = first.get("content")
    if isinstance(content, (list, tuple)):
        added: object = [*content, {"type": "text", "text": instruction}]
    else:
        added = f"{content}\n\n{instruction}"
    return ({**first, "content": added}, *messages[1:])
