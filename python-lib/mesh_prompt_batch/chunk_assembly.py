"""The chunks of a streamed answer → the JSON that the same call gives without streaming."""

from collections.abc import Mapping

_OF_EACH_CHUNK = frozenset({"choices", "usage"})


class ChunkAssembly:
    """Of several choices the first is kept, as without streaming; log probabilities are not put together."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._head: dict[str, object] = {}
        self._usage: object = None
        self._texts: dict[str, list[str]] = {"content": []}
        self._others: dict[str, object] = {}
        self._tool_calls: dict[int, _ToolCall] = {}

    def add(self, chunk: Mapping[str, object]) -> str | None:
        """The text that it brings: empty where it brings another part of the answer, None where it brings none."""
        # The last chunk has the usage and no choice; some providers tell it in every chunk.
        self._usage = chunk.get("usage") or self._usage
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            return None
        if not self._head:
            self._head = {key: it for key, it in chunk.items() if key not in _OF_EACH_CHUNK}
        reason = choice.get("finish_reason")
        self.finish_reason = reason if isinstance(reason, str) else self.finish_reason
        delta = choice.get("delta")
        return self._piece(delta) if isinstance(delta, Mapping) else None

    def body(self) -> dict[str, object]:
        content = _joined(self._texts["content"]) if self._texts["content"] else None
        message = {"role": "assistant", "content": content, **self._others}
        message |= {key: _joined(it) for key, it in self._texts.items() if key != "content"}
        if self._tool_calls:
            message["tool_calls"] = [it.body() for _, it in sorted(self._tool_calls.items())]
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        usage = {"usage": self._usage} if self._usage else {}
        return {**self._head, "object": "chat.completion", "choices": [choice], **usage}

    def _piece(self, delta: Mapping[str, object]) -> str | None:
        piece = None
        for key, value in delta.items():
            if key == "role" or value is None or value == "":
                continue
            if isinstance(value, str):
                self._texts.setdefault(key, []).append(value)
            elif key == "tool_calls" and isinstance(value, list):
                self._add_tool_calls(value)
            else:
                self._others[key] = value
            piece = piece or ""
        text = delta.get("content")
        return text if isinstance(text, str) and text else piece

    def _add_tool_calls(self, parts: list[object]) -> None:
        for part in parts:
            if isinstance(part, Mapping):
                self._tool_calls.setdefault(self._index(part), _ToolCall()).add(part)

    def _index(self, part: Mapping[str, object]) -> int:
        """Providers count from anywhere and leave numbers out; some give none, and begin each call with its id."""
        index = part.get("index")
        if isinstance(index, int):
            return index
        last = max(self._tool_calls, default=-1)
        return last + 1 if part.get("id") or last < 0 else last


class _ToolCall:
    """Its arguments come in pieces, all else whole and perhaps again and again."""

    def __init__(self) -> None:
        self._whole: dict[str, object] = {}
        self._name: object = None
        self._arguments: list[str] = []

    def add(self, part: Mapping[str, object]) -> None:
        self._whole |= {key: part[key] for key in ("id", "type") if part.get(key)}
        function = part.get("function")
        if isinstance(function, Mapping):
            self._name = function.get("name") or self._name
            arguments = function.get("arguments")
            self._arguments += [arguments] if isinstance(arguments, str) else []

    def body(self) -> dict[str, object]:
        function = {"name": self._name, "arguments": "".join(self._arguments)}
        return {**self._whole, "function": function}


def _joined(pieces: list[str]) -> str:
    """A character outside the basic plane may come as two halves, in two pieces."""
    text = "".join(pieces)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text
