"""Takes back what was made, newest first, each on its own: one that fails stops no other."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Removal:
    """`left`: what could not be removed, in words for the report."""

    say: Callable[[str], None]
    left: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    _actions: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    def later(self, what: str, action: Callable[[], object]) -> None:
        """Registered before the thing is made, so that a half-made one is removed as well."""
        self._actions.append((what, action))

    def now(self) -> None:
        while self._actions:
            what, action = self._actions.pop()
            self.say(f"removing {what}")
            try:
                action()
            except Exception as error:  # noqa: BLE001  # whatever it is, the rest goes on
                self.left.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")
            else:
                self.removed.append(what)
