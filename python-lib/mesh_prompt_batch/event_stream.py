"""Server-sent events, read from the bytes of a response as they come."""

from collections.abc import Iterator

from mesh_prompt_batch.errors import TransientError

# No event of an LLM is longer; a line without an end would fill memory.
LONGEST_EVENT = 64 * 1024 * 1024


class EventReader:
    """An event is a name, mostly empty, and its data. One that the end of the stream cuts off never was."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, block: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The events that end in this block, which may begin and end anywhere.

        Raises TransientError where one is longer than LONGEST_EVENT.
        """
        self._size += len(block)
        if self._size > LONGEST_EVENT:
            raise TransientError("server", "The stream holds an event that does not end.")
        for line in self._lines(block):
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
            elif not line:
                if self._data:
                    yield self._name, b"\n".join(self._data)
                self._name, self._data, self._size = b"", [], len(block)

    def _lines(self, block: bytes) -> list[bytes]:
        self._rest.append(block)
        # What is put together again with every block takes a square of the time.
        if not (b"\n" in block or b"\r" in block or self._rest[0].endswith(b"\r")):
            return []
        # Of bytes, these are the line ends that the format knows: CR, LF, and both.
        lines = b"".join(self._rest).splitlines(keepends=True)
        # A CR at the end may be half of a line end.
        self._rest = [] if not lines or lines[-1].endswith(b"\n") else [lines.pop()]
        return [line.rstrip(b"\r\n") for line in lines]
