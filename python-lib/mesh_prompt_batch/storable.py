"""Text that UTF-8 and SQL databases take."""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """NUL and lone surrogates, which UTF-8 or SQL databases refuse, become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)
