"""The project's variables in texts of the form: `${name}`."""

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$\{([^{}]+)\}")


def with_variables(text: str, variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """Each `${name}` replaced once, and the names that are no variable: their `${name}` stays as it is."""
    unknown: list[str] = []

    def value(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if name in variables:
            return str(variables[name])
        unknown.append(name)
        return match.group()

    return _VARIABLE.sub(value, text), unknown
