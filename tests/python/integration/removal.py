"""Takes back what was made, newest first, each on its own: one that fails stops no other."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Made:
    """`is_gone`: looks whether it is; without it the action is believed."""

    what: str
    remove: Callable[[], object]
    is_gone: Callable[[], bool] | None = None


@dataclass
class Removal:
    """`left`: what could not be removed, in words for the report.

    `seconds`: how long what was removed may still be listed.
    """

    say: Callable[[str], None]
    seconds: float = 120.0
    left: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    _kinds: list[tuple[str, Callable[[], Iterable[Made]]]] = field(default_factory=list)

    def later(
        self,
        what: str,
        remove: Callable[[], object],
        is_gone: Callable[[], bool] | None = None,
    ) -> None:
        """Registered before the thing is made, so that a half-made one is removed as well."""
        self.each_later(what, lambda: [Made(what, remove, is_gone)])

    def each_later(self, kind: str, things: Callable[[], Iterable[Made]]) -> None:
        """Several of a kind, known when they are removed."""
        self._kinds.append((kind, things))

    def now(self) -> None:
        while self._kinds:
            kind, things = self._kinds[-1]
            self.say(f"removing {kind}")
            left = self._trouble(kind, things)
            self._kinds.pop()
            self.left += left
            self.removed += [] if left else [kind]

    def give_up(self) -> None:
        """What was not removed yet is left, if it was made."""
        self.left += [f"{kind}: not looked after" for kind, _ in reversed(self._kinds)]
        self._kinds.clear()

    def _trouble(self, kind: str, things: Callable[[], Iterable[Made]]) -> list[str]:
        try:
            found = [*things()]
        except Exception as error:  # noqa: BLE001  # whatever it is, the rest goes on
            return [f"{kind}: {_words(error)}"]
        return [f"{it.what}: {words}" for it in found if (words := self._why_left(it))]

    def _why_left(self, made: Made) -> str:
        """Blank where it is gone, whatever DSS said of its removal."""
        said = ""
        try:
            told = made.remove()
        except Exception as error:  # noqa: BLE001  # it may be gone all the same
            said = _words(error)
        else:
            said = f"DSS said {str(told)[:200]}" if made.is_gone else ""
        if made.is_gone is None:
            return said
        try:
            return "" if self._goes(made.is_gone) else f"it is still there; {said}"
        except Exception as error:  # noqa: BLE001  # nobody knows then
            return f"{said}; whether it is gone cannot be told: {_words(error)}"

    def _goes(self, is_gone: Callable[[], bool]) -> bool:
        until = time.monotonic() + self.seconds
        while not is_gone():
            if time.monotonic() > until:
                return False
            time.sleep(min(1.0, self.seconds))
        return True


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
