"""jsonschema's validator with a bound: it counts its checks, and gives up where they are too many or too long."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from mesh_prompt_batch.risky_pattern import longest_text

DEEPEST = 100
# Keywords that hold no schema.
_LEAVES = frozenset(
    {"type", "enum", "const", "required", "dependentRequired", "pattern", "format", "uniqueItems"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength"}
    | {"maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)
# They ask again what the others have matched, by ways of jsonschema's own that nothing counts: safe behind the others.
_LAST = frozenset({"additionalProperties", "unevaluatedItems", "unevaluatedProperties"})
Check = Callable[..., Iterable[object] | None]


class Validator(Protocol):
    """What is used of jsonschema's."""

    def iter_errors(self, instance: object) -> Iterator[object]: ...
    def evolve(self, *, schema: Mapping[str, object]) -> "Validator": ...


class TooManyStepsError(Exception):
    """References that multiply, or never end."""


@dataclass(slots=True)
class Steps:
    left: int = 0
    depth: int = 0

    def allow(self, number: int) -> None:
        self.left, self.depth = number, 0

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooManyStepsError


def bounded_validator(document: Mapping[str, object], steps: Steps) -> Validator:
    """Takes `steps`, for a schema of a few lines can ask for more than there is time. It fetches no other document.

    It raises TooManyStepsError, and referencing's Unresolvable.
    """
    # Here, not above: MeshClient works in notebooks, whose environments need not have it.
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    known = {**Draft202012Validator.VALIDATORS, "uniqueItems": _unique_items}
    known |= {name: _short_enough(known[name]) for name in ("pattern", "patternProperties")}
    checks = {
        name: _counted(it, steps) if name in _LEAVES else _nested(it, steps)
        for name, it in known.items()
    }
    counting = validators.create(
        Draft202012Validator.META_SCHEMA,
        cast("Any", checks),
        applicable_validators=cast("Any", _in_order),
    )
    # Where a reference leads to a name of the draft, jsonschema goes on with its own validator, which counts nothing.
    unnamed = {keyword: it for keyword, it in document.items() if keyword != "$schema"}
    validator: Validator = counting(unnamed, registry=Registry())
    return validator


def _in_order(schema: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    if _LAST.isdisjoint(schema):
        return schema.items()
    return sorted(schema.items(), key=lambda it: it[0] in _LAST)


def _counted(check: Check, steps: Steps) -> Check:
    def counting(*arguments: object) -> Iterable[object] | None:
        steps.take()
        return check(*arguments)

    return counting


def _nested(check: Check, steps: Steps) -> Check:
    """Of a keyword that holds schemas."""

    def nesting(*arguments: object) -> Iterator[object]:
        steps.take()
        steps.depth += 1
        # Far from Python's own limit, which code that is no Python's does not bear.
        if steps.depth > DEEPEST:
            raise TooManyStepsError
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
                raise TooManyStepsError
        yield from check(validator, patterns, instance, schema) or ()

    return checking


def _unique_items(
    validator: object,  # noqa: ARG001  # as jsonschema calls it
    wanted: bool,  # noqa: FBT001  # as above
    instance: object,
    schema: object,  # noqa: ARG001  # as above
) -> Iterator[object]:
    """In a time that grows with the items; jsonschema's own compares each with each."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415  # see above

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
