"""Values to be afraid of, drawn at random: `make fuzz` tries two hundred times as many."""

import json
import os
from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("FUZZ", "1"))
fuzzed = settings(max_examples=60 * TIMES)
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


def keyed(names: Iterable[str]) -> st.SearchStrategy[dict[str, object]]:
    """Objects with some of these names and anything behind them."""
    return st.dictionaries(st.sampled_from(sorted(names)), VALUES, max_size=8)
