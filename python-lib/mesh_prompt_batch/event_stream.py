"""Server-sent events, read from the bytes of a response as they come."""

from collections.abc import Iterator


class EventReader:
    """An event is a name, mostly empty, and its data. One that the end of the stream cuts off never was."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, block: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The events that end in this block, which may begin and end anywhere."""
        for line in self._lines(block):
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
            elif not line:
                if self._data:
                    yield self._name, b"\n".join(self._data)
                self._name, self._data = b"", []

    def _lines(self, block: bytes) -> list[bytes]:
        # Of bytes, these are the line ends that the format knows: CR, LF, and both.
        lines = (self._rest + block).splitlines(keepends=True)
        # A CR at the end may be half of a line end.
        self._rest = b"" if not lines or lines[-1].endswith(b"\n") else lines.pop()
        return [line.rstrip(b"\r\n") for line in lines]
