"""A JSON schema, draft 2020-12, that was checked before use: what it says of a value, and of which types values are."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mesh_prompt_batch.prompt_digest import prompt_digest
from mesh_prompt_batch.risky_pattern import longest_text
from mesh_prompt_batch.schema_text import (
    Subschema,
    UnusableSchemaError,
    document_of,
    refused,
    subschemas,
)

LONGEST_PROBLEM = 300
# An honest answer takes some thousand checks, ten thousand of them a tenth of a second.
MOST_STEPS, MOST_SAMPLE_STEPS = 100_000, 10_000
DEEPEST = 100
# Keywords that hold no schema.
_LEAVES = frozenset(
    {"type", "enum", "const", "required", "dependentRequired", "pattern", "format", "uniqueItems"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength"}
    | {"maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)
Check = Callable[..., Iterable[object] | None]
_SAMPLES: tuple[object, ...] = ({}, [], "", 0, None)
Types = frozenset[str] | None


class _Validator(Protocol):
    """What is used of jsonschema's."""

    def iter_errors(self, instance: object) -> Iterator[object]: ...
    def evolve(self, *, schema: Mapping[str, object]) -> "_Validator": ...


class _TooManyStepsError(Exception):
    """References that multiply, or never end."""


@dataclass(slots=True)
class _Steps:
    left: int = 0
    depth: int = 0

    def allow(self, number: int) -> None:
        self.left, self.depth = number, 0

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooManyStepsError


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """Used by one thread at a time."""

    text: str = field(repr=False)
    document: Mapping[str, object] = field(repr=False, compare=False)
    _validator: _Validator = field(repr=False, compare=False)
    _steps: _Steps = field(repr=False, compare=False)

    @classmethod
    def parsed(cls, text: str) -> "JsonSchema":
        """Raises UnusableSchemaError. No reference outside the schema is ever fetched."""
        document = document_of(text)
        _check_against_metaschema(text, document)
        steps = _Steps()
        schema = cls(text, document, _validator(document, steps), steps)
        for subschema in subschemas(document):
            schema._check_references(subschema)
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
        except (_TooManyStepsError, RecursionError):
            return "It takes too long to check, or is nested too deeply."
        except (ArithmeticError, ValueError):
            return "It holds a number that is too large to check."

    def types_of(self, subschema: object) -> frozenset[str] | None:
        """Names of the JSON types that values of it can have; None where it leaves them open."""
        return self._types(subschema, {})

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
            return self._types(self._at(subschema["$ref"]), met)
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

    def _at(self, reference: str) -> object:
        """What a JSON pointer into the document leads to; None for an anchor's name."""
        node: Any = self.document
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return None if reference != "#" and not reference.startswith("#/") else node

    def _check_references(self, subschema: Subschema) -> None:
        for keyword in ("$ref", "$dynamicRef"):
            if keyword not in subschema.content:
                continue
            part = self._validator.evolve(schema={keyword: subschema.content[keyword]})
            sentence = self._trouble_with(part)
            if sentence:
                raise refused(self.text, (*subschema.path, keyword), sentence)

    def _trouble_with(self, part: _Validator) -> str | None:
        from referencing.exceptions import Unresolvable  # noqa: PLC0415  # see _validator

        self._steps.allow(MOST_SAMPLE_STEPS)
        try:
            for sample in _SAMPLES:
                next(part.iter_errors(sample), None)
        except Unresolvable:
            return "refers to something that it does not hold"
        except _TooManyStepsError:
            return "refers to itself without end, or to more than can be checked"
        return None


def _validator(document: Mapping[str, object], steps: _Steps) -> _Validator:
    """Counts what it does: a schema of a few lines can ask for more steps than there is time."""
    # Here, not above: MeshClient works in notebooks, whose environments need not have it.
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    known = {**Draft202012Validator.VALIDATORS, "uniqueItems": _unique_items}
    known |= {name: _short_enough(known[name]) for name in ("pattern", "patternProperties")}
    checks = {
        name: _counted(it, steps) if name in _LEAVES else _nested(it, steps)
        for name, it in known.items()
    }
    counting = validators.extend(Draft202012Validator, checks)  # type: ignore[no-untyped-call]  # untyped in its stubs
    # An empty registry knows no other document, and fetches none.
    validator: _Validator = counting(dict(document), registry=Registry())
    return validator


def _counted(check: Check, steps: _Steps) -> Check:
    def counting(*arguments: object) -> Iterable[object] | None:
        steps.take()
        return check(*arguments)

    return counting


def _nested(check: Check, steps: _Steps) -> Check:
    """Of a keyword that holds schemas."""

    def nesting(*arguments: object) -> Iterator[object]:
        steps.take()
        steps.depth += 1
        # Far from Python's own limit, which code that is no Python's does not bear.
        if steps.depth > DEEPEST:
            raise _TooManyStepsError
        try:
            yield from check(*arguments) or ()
        finally:
            steps.depth -= 1

    return nesting


def _short_enough(check: Check) -> Check:
    """Of a keyword with patterns: Python cannot be told to give up on a match."""

    def checking(
        validator: object, patterns: str | Mapping[str, object], instance: object, schema: object
    ) -> Iterator[object]:
        texts = [*instance] if isinstance(instance, dict) else [instance]
        longest = max((len(it) for it in texts if isinstance(it, str)), default=0)
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            if longest > (longest_text(pattern) or longest):
                raise _TooManyStepsError
        yield from check(validator, patterns, instance, schema) or ()

    return checking


def _unique_items(
    validator: object,  # noqa: ARG001  # as jsonschema calls it
    wanted: bool,  # noqa: FBT001  # as above
    instance: object,
    schema: object,  # noqa: ARG001  # as above
) -> Iterator[object]:
    """In a time that grows with the items; jsonschema's own compares each with each."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415  # see _validator

    if wanted and isinstance(instance, list):
        texts = [json.dumps(_as_compared(it), sort_keys=True) for it in instance]
        if len({*texts}) < len(texts):
            yield ValidationError("The items are not all different")


def _as_compared(value: object) -> object:
    """1.0 is 1, which is not true."""
    if isinstance(value, dict):
        return {name: _as_compared(it) for name, it in value.items()}
    if isinstance(value, list):
        return [_as_compared(it) for it in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_against_metaschema(text: str, document: Mapping[str, object]) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # as above
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(dict(document))
    except SchemaError as error:
        raise refused(
            text,
            tuple(error.absolute_path),
            "is no JSON schema of draft 2020-12: something else must stand there",
        ) from None
    except RecursionError:
        raise UnusableSchemaError("is nested too deeply") from None


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


def canonical(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False)
