"""Values to be afraid of, drawn at random: `make fuzz` tries two hundred times as many."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("FUZZ", "1"))
# Schemas are large, and processors are shared.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
fuzzed = settings(max_examples=60 * TIMES, suppress_health_check=_SLOW)
# The same examples every time: for tests that count what is reached.
counted = settings(fuzzed, max_examples=100, derandomize=True, database=None)
# What means something to Python, to SQL, to a shell or to a template engine, were it ever given to one.
LURES = [
    "__import__('os').system('false')",
    "{{config.__class__}}",
    "${jndi:ldap://127.0.0.1/a}",
    "{0.__class__.__mro__}",
    "%(x)s %n",
    "'; DROP TABLE outcome; --",
    "$(false)",
    "!!python/object/apply:os.system ['false']",
    "\x00\ud800\u2028",
    "NaN",
    "1e999",
    "9" * 5_000,
    "[" * 5_000,
]
TEXTS = (
    st.text(max_size=40) | st.sampled_from(LURES) | st.text("{}[]\"':,\\ \n<>abc019.-", max_size=60)
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**18, -1, 2**63, 1e308])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
JSON = VALUES.map(json.dumps) | TEXTS


def mostly(good: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """So that what is made of several of them is at times all good."""
    return st.integers(0, 7).flatmap(lambda it: odd if it == 3 else good)


@st.composite
def nearly(draw: Callable[..., Any], whole: Any, other: st.SearchStrategy[Any] = VALUES) -> Any:
    """JSON that is as it should be, but for one to three of its parts: changed, gone, or one too many.

    What is all wrong fails the first check; this comes far.
    """
    value = copy.deepcopy(whole)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        places = [*_places(value)]
        if not places:
            return draw(other)
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        harm = draw(st.sampled_from(["like it", "like it", "like it", "another", "gone", "more"]))
        # What is drawn may be drawn again: it stays as it is.
        drawn = copy.deepcopy(draw(_like(holder[key], other) if harm == "like it" else other))
        if harm == "gone":
            del holder[key]
        elif harm == "more" and isinstance(holder, dict):
            holder[draw(TEXTS)] = drawn
        else:
            holder[key] = drawn
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything inside, as what holds it and under which key."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, it in [*inside]:
        yield value, key
        if isinstance(it, (dict, list)):
            yield from _places(it)


def _like(value: object, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if isinstance(value, str):
        return TEXTS
    if isinstance(value, (int, float)):
        return NUMBERS
    return other
