"""A JSON schema, draft 2020-12, that was checked before use: what it says of a value, and of which types values are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_prompt_batch.bounded_validator import (
    Steps,
    TooManyStepsError,
    Validator,
    bounded_validator,
)
from mesh_prompt_batch.prompt_digest import prompt_digest
from mesh_prompt_batch.schema_text import (
    REFERENCES,
    Path,
    Subschema,
    UnusableSchemaError,
    document_of,
    is_pointer,
    refused,
    subschemas,
    target,
)

LONGEST_PROBLEM = 300
# An honest answer takes some thousand checks, ten thousand of them a tenth of a second.
MOST_STEPS, MOST_SAMPLE_STEPS = 100_000, 10_000
_SAMPLES: tuple[object, ...] = ({}, [], "", 0, None)
_LEADS_NOWHERE = "refers to something that it does not hold, or that is no schema"
Types = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """Used by one thread at a time."""

    text: str = field(repr=False)
    document: Mapping[str, object] = field(repr=False, compare=False)
    _validator: Validator = field(repr=False, compare=False)
    _steps: Steps = field(repr=False, compare=False)

    @classmethod
    def parsed(cls, text: str) -> "JsonSchema":
        """Raises UnusableSchemaError. No reference outside the schema is ever fetched."""
        document = document_of(text)
        _check_against_metaschema(text, document)
        steps = Steps()
        schema = cls(text, document, bounded_validator(document, steps), steps)
        parts = [*subschemas(document)]
        _check_pointers(text, document, parts)
        for (keyword, reference), path in _references(parts).items():
            sentence = schema._trouble_with(keyword, reference)
            if sentence:
                raise refused(text, path, sentence)
        return schema

    @property
    def properties(self) -> Mapping[str, object]:
        """Of the top level, in the order in which they were written."""
        properties = self.document.get("properties")
        return properties if isinstance(properties, dict) else {}

    def described(self) -> str:
        """For the log: it may say what a prompt says."""
        return prompt_digest(self.text)

    def problem(self, value: object) -> str | None:
        """What is wrong with `value`, in a sentence that may quote it; None where nothing is."""
        self._steps.allow(MOST_STEPS)
        try:
            # The first error says that there is one; all are looked at for the one that helps most.
            if next(self._validator.iter_errors(value), None) is None:
                return None
            return _sentence(self._validator.iter_errors(value))
        except (TooManyStepsError, RecursionError):
            return "It takes too long to check, or is nested too deeply."
        except (ArithmeticError, ValueError):
            return "It holds a number that is too large to check."

    def types_of(self, subschema: object) -> frozenset[str] | None:
        """Names of the JSON types that values of it can have; None where it leaves them open."""
        try:
            return self._types(subschema, {})
        except RecursionError:
            return None

    def _types(self, subschema: object, met: dict[int, Types]) -> Types:
        """`met`: what was found of subschemas, by identity; those that lead to themselves leave it open."""
        if not isinstance(subschema, dict):
            return None
        if id(subschema) not in met:
            met[id(subschema)] = None
            met[id(subschema)] = self._types_unmet(subschema, met)
        return met[id(subschema)]

    def _types_unmet(self, subschema: dict[str, Any], met: dict[int, Types]) -> Types:
        if isinstance(subschema.get("$ref"), str):
            reference = subschema["$ref"]
            # Where an anchor's name leads is left open.
            part = target(self.document, reference) if is_pointer(reference) else None
            return self._types(part, met)
        if "type" in subschema:
            named = subschema["type"]
            return frozenset([named] if isinstance(named, str) else named)
        if "const" in subschema or "enum" in subschema:
            values = subschema.get("enum", [subschema.get("const")])
            return frozenset(_type_of(it) for it in values)
        for keyword in ("anyOf", "oneOf"):
            if keyword in subschema:
                return _union([self._types(it, met) for it in subschema[keyword]])
        named_by = (self._types(it, met) for it in subschema.get("allOf", ()))
        return next((it for it in named_by if it is not None), None)

    def _trouble_with(self, keyword: str, reference: str) -> str | None:
        from referencing.exceptions import Unresolvable  # noqa: PLC0415  # see bounded_validator.py

        part = self._validator.evolve(schema={keyword: reference})
        self._steps.allow(MOST_SAMPLE_STEPS)
        try:
            for sample in _SAMPLES:
                next(part.iter_errors(sample), None)
        except Unresolvable:
            return _LEADS_NOWHERE
        except (TooManyStepsError, RecursionError):
            return "refers to itself without end, or to more than can be checked"
        return None


def _references(parts: Sequence[Subschema]) -> Mapping[tuple[str, str], Path]:
    """Keywords with what they refer to, and where that stands."""
    return {
        (keyword, reference): (*path, keyword)
        for path, content in parts
        for keyword in REFERENCES
        if isinstance(reference := content.get(keyword), str)
    }


def _check_pointers(text: str, document: Mapping[str, object], parts: Sequence[Subschema]) -> None:
    """The metaschema has looked neither behind keywords that it does not know nor at values, such as defaults."""
    schemas = {id(it.content) for it in parts}
    for (_, reference), path in _references(parts).items():
        part = target(document, reference) if is_pointer(reference) else True
        if isinstance(part, dict) and id(part) in schemas and _fault(part) is None:
            continue
        if not isinstance(part, bool):
            raise refused(text, path, _LEADS_NOWHERE)


def _check_against_metaschema(text: str, document: Mapping[str, object]) -> None:
    fault = _fault(document)
    if fault is not None:
        raise refused(
            text, fault, "is no JSON schema of draft 2020-12: something else must stand there"
        )


def _fault(schema: Mapping[str, object]) -> Path | None:
    """Where the metaschema wants something else. Raises UnusableSchemaError."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # as above
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return tuple(error.absolute_path)
    except RecursionError:
        raise UnusableSchemaError("is nested too deeply") from None
    return None


def _sentence(problems: Iterator[Any]) -> str:
    from jsonschema.exceptions import best_match  # noqa: PLC0415  # as above

    best: Any = best_match(problems)
    path = "/".join(str(step) for step in best.absolute_path)
    words = f"{path}: {best.message}" if path else str(best.message)
    return words if len(words) <= LONGEST_PROBLEM else f"{words[:LONGEST_PROBLEM]}…"


def _union(branches: Sequence[Types]) -> Types:
    known = [it for it in branches if it is not None]
    return frozenset().union(*known) if len(known) == len(branches) else None


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {int: "integer", float: "number", str: "string", dict: "object", list: "array"}
    return kinds.get(type(value), "null")
