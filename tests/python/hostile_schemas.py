"""JSON schemas of all keywords, some of them broken, and answers for and against them."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from hostile_values import NUMBERS, TEXTS, VALUES, mostly, nearly
from mesh_prompt_batch.schema_text import DRAFT, is_pointer, subschemas, target

Draw = Callable[..., Any]
Parts = st.SearchStrategy[Any]
KINDS = ["string", "number", "integer", "boolean", "null", "object", "array"]
NAMES = st.sampled_from(["a", "b", "label", "type", "$ref", "a/b", "é~"])
# Some match long texts slowly, some are none beside others.
PATTERNS = st.sampled_from(["^a", "b+$", r"^\w+ \w+$", "^(yes|no)$", "a+a+b", "(?i)^x", "", "."])
WORDS = st.sampled_from(["", "a", "aab", "yes", "no", "x y", "Xb", "é", "a" * 500])
FEW = st.integers(0, 3)
SMALL = st.sampled_from([-1, 0, 1, 2, 3, 0.5, 1.0, 2.5, 1e300, 10**400])
BOUNDS = st.sampled_from([-1, 0, 1, 2.5, 10**20])
SCALARS = st.none() | st.booleans() | SMALL | WORDS
CONSTANTS = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)
REFERENCES = st.sampled_from(["#", "#/$defs/d0", "#/$defs/d1", "#/$defs/d2", "#here"])


def _of(kind: object, **keywords: Parts) -> Parts:
    named = {} if kind is None else {"type": st.just(kind)}
    return st.fixed_dictionaries(named, optional=keywords)


LEAVES = st.one_of(
    _of("string", minLength=FEW, maxLength=FEW, pattern=PATTERNS, format=st.just("date")),
    _of("number", minimum=BOUNDS, exclusiveMaximum=BOUNDS, multipleOf=st.sampled_from([0.1, 2])),
    _of(["integer", "null"], maximum=BOUNDS, exclusiveMinimum=BOUNDS, title=TEXTS),
    st.sampled_from(KINDS).map(lambda it: {"type": it}),
    st.lists(CONSTANTS, min_size=1, max_size=3).map(lambda it: {"enum": it}),
    CONSTANTS.map(lambda it: {"const": it}),
    REFERENCES.map(lambda it: {"$ref": it}),
    st.booleans(),
)


def _objects(inner: Parts) -> Mapping[str, Parts]:
    names = st.lists(NAMES, unique=True, max_size=2)
    parts = st.dictionaries(NAMES, inner, max_size=3)
    return {
        "properties": parts,
        "required": names,
        "additionalProperties": inner,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "propertyNames": inner,
        "minProperties": FEW,
        "maxProperties": FEW,
        "dependentRequired": st.dictionaries(NAMES, names, max_size=2),
        "dependentSchemas": parts,
        "unevaluatedProperties": inner,
    }


def _arrays(inner: Parts) -> Mapping[str, Parts]:
    return {
        "items": inner,
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "contains": inner,
        "minContains": FEW,
        "maxContains": FEW,
        "minItems": FEW,
        "maxItems": FEW,
        "uniqueItems": st.booleans(),
        "unevaluatedItems": inner,
    }


def _combined(inner: Parts) -> Mapping[str, Parts]:
    some = st.lists(inner, min_size=1, max_size=3)
    ways = dict.fromkeys(["anyOf", "oneOf", "allOf"], some)
    return {**ways, **dict.fromkeys(["not", "if", "then", "else"], inner)}


def _several(keywords: Mapping[str, Parts], most: int) -> Parts:
    """A few of them, in any order: what comes first is checked first."""
    names = st.lists(st.sampled_from([*keywords]), unique=True, min_size=1, max_size=most)
    return names.flatmap(lambda it: st.fixed_dictionaries({name: keywords[name] for name in it}))


def _larger(inner: Parts) -> Parts:
    return st.one_of(
        _several({"type": st.just("object"), **_objects(inner)}, 4),
        _several({"type": st.just("array"), **_arrays(inner)}, 4),
        _several(_combined(inner), 2),
    )


SUBSCHEMAS = st.recursive(LEAVES, _larger, max_leaves=6)
_PROPERTIES = st.dictionaries(NAMES, SUBSCHEMAS, min_size=1, max_size=3)
_DEFINITIONS = st.fixed_dictionaries({f"d{n}": SUBSCHEMAS for n in range(3)})
_HERE = _several(_objects(SUBSCHEMAS), 2).map(lambda it: {"$anchor": "here", **it})
_MORE = _several(
    {
        **_objects(SUBSCHEMAS),
        **_combined(SUBSCHEMAS),
        "$schema": st.just(DRAFT),
        "$id": st.just("https://example.com/answer"),
    },
    3,
)


def _document(properties: Any, definitions: Any, here: Any, more: Any) -> dict[str, Any]:
    whole = {"properties": properties, **more, "type": "object"}
    return {**whole, "$defs": {**definitions, "here": here}}


# Valid by the metaschema; some lead to themselves without end.
DOCUMENTS = st.builds(_document, _PROPERTIES, _DEFINITIONS, _HERE, _MORE)

_HARMS: list[dict[str, Any]] = [
    *({"$ref": it} for it in ("#/properties", "#/$defs", "#/required", "#/type", "#/type/0")),
    *({"$ref": it} for it in ("#/nowhere", "#nowhere", "#/allOf/0", "#/allOf/x", "#//", "#%")),
    *({"$ref": it} for it in ("#/default", "#/x-more", "#/x-more/y", "#/x-more/y/0")),
    {"$ref": 5},
    {"$ref": {}},
    *({"$dynamicRef": it} for it in ("#here", "#", "#/default", "http://127.0.0.1:9/x")),
    *({"$schema": it} for it in (DRAFT, "http://json-schema.org/draft-07/schema#", 5)),
    *({"$id": it} for it in ("x", "http://[", 5)),
    *({"pattern": it} for it in ("(", "^(a+)+$", "a{99999999999}", r"(a)\1", 5)),
    {"patternProperties": {"(?P<x>a)": True, "(?P<x>b)": True}, "additionalProperties": False},
    {"patternProperties": {"a+a+b": True}, "additionalProperties": False},
    {"unevaluatedProperties": False, "dependentSchemas": {"a": {"$ref": "#"}}},
    *({"type": it} for it in ("strin", ["string", "string"], ["x"])),
    {"type": 5},
    {"type": {}},
    *({"multipleOf": it} for it in (0, -1, "1", 5e-324)),
    {"enum": {}},
    {"properties": []},
    {"allOf": []},
    {"$anchor": "here"},
    {"required": [{}, {}]},
    *({"$ref": it} for it in ("http://127.0.0.1:9/x", "file:///etc/passwd", "")),
]
HARMS = st.sampled_from(_HARMS)


@st.composite
def broken(draw: Draw) -> str:
    """The text of a schema in which something is other than it should be."""
    more = {
        "default": draw(SUBSCHEMAS),
        "x-more": {"y": draw(SUBSCHEMAS | st.lists(SUBSCHEMAS | HARMS, max_size=2))},
    }
    whole = {**draw(DOCUMENTS), **more}
    changed = nearly(whole, HARMS | SUBSCHEMAS | VALUES)
    document = draw(changed) if draw(st.booleans()) else _harmed(draw, whole)
    if isinstance(document, dict) and draw(st.integers(0, 3)):
        # Without these it is refused at once.
        document = {**document, "type": "object", "$schema": DRAFT}
    text = json.dumps(document)
    damage = draw(mostly(st.just(str), st.sampled_from(_DAMAGES)))
    return str(damage(text))


def _harmed(draw: Draw, whole: Any) -> Any:
    """With a harm where the metaschema sees a schema, or none."""
    document = copy.deepcopy(whole)
    parts = [*subschemas(document)]
    content = parts[draw(st.integers(0, len(parts) - 1))].content
    assert isinstance(content, dict)
    content |= copy.deepcopy(draw(HARMS))
    return document


_DAMAGES: list[Callable[[str], str]] = [
    lambda text: text.replace('"properties":', '"properties": 5, "properties":'),
    lambda text: text[: len(text) // 2],
    lambda text: f"\ufeff{text}",
    lambda text: text.replace("1", "1e999"),
    lambda text: text.replace("0", "NaN"),
]


@st.composite
def answers(draw: Draw, document: Mapping[str, Any]) -> Any:
    """Mostly what the schema asks for, as far as it is plain; at times something else."""
    return _answer(draw, document, document, 6)


def _answer(draw: Draw, part: Any, whole: Mapping[str, Any], left: int) -> Any:
    if not (isinstance(part, dict) and left and draw(st.integers(0, 11))):
        return draw(CONSTANTS | TEXTS | NUMBERS)
    led = _led_to(draw, part, whole)
    if led is not None:
        return _answer(draw, led, whole, left - 1)
    for keyword, chosen in (("const", [part.get("const")]), ("enum", part.get("enum"))):
        if keyword in part and isinstance(chosen, list) and chosen:
            return draw(st.sampled_from(chosen))
    kinds = part.get("type")
    kind = draw(st.sampled_from(kinds)) if isinstance(kinds, list) and kinds else kinds
    if kind == "object" or "properties" in part:
        return _object(draw, part, whole, left)
    if kind == "array" or "items" in part:
        items = [part.get("items"), *_listed(part.get("prefixItems"))]
        return [
            _answer(draw, draw(st.sampled_from(items)), whole, left - 1) for _ in range(draw(FEW))
        ]
    plain = {"string": WORDS, "number": SMALL, "integer": SMALL, "boolean": st.booleans()}
    return draw(plain.get(kind, SCALARS) if isinstance(kind, str) else SCALARS)


def _led_to(draw: Draw, part: dict[str, Any], whole: Mapping[str, Any]) -> Any:
    """What it refers to, or one of what it is made of; None where it says all itself."""
    reference = part.get("$ref")
    if isinstance(reference, str) and is_pointer(reference):
        return target(whole, reference)
    ways = [it for keyword in ("anyOf", "oneOf", "allOf") for it in _listed(part.get(keyword))]
    return draw(st.sampled_from([*ways, None])) if ways else None


def _object(draw: Draw, part: dict[str, Any], whole: Mapping[str, Any], left: int) -> Any:
    properties = part.get("properties")
    named = properties if isinstance(properties, dict) else {}
    wanted = {it: named.get(it) for it in _listed(part.get("required")) if isinstance(it, str)}
    chosen = {name: it for name, it in named.items() if name in wanted or draw(st.booleans())}
    found = {name: _answer(draw, it, whole, left - 1) for name, it in (wanted | chosen).items()}
    return found | draw(st.just({}) | st.dictionaries(NAMES | WORDS, SCALARS, max_size=2))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
