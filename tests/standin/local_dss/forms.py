"""Settings as DSS hands them over: parsed JSON, with its surprises."""

from collections.abc import Mapping

from local_dss.behaviour import Behaviour


def delivered(config: Mapping[str, object], behaviour: Behaviour) -> dict[str, object]:
    """Integers may arrive as floats, fields that nobody filled in as None, or not at all."""
    return {
        name: _value(value, behaviour)
        for name, value in config.items()
        if value is not None or not behaviour.absent_keys
    }


def _value(value: object, behaviour: Behaviour) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and behaviour.integers_as_floats:
        return float(value)
    return value
