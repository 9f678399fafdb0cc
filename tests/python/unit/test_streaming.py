"""A streamed answer, put together from its chunks."""

import pytest

from mesh_prompt_batch.errors import TransientError
from mesh_prompt_batch.streaming import TextStream
from mesh_prompt_batch.usage import Usage


def chunk(text: object = None, reason: str | None = None) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}


def test_text_comes_as_it_comes_and_the_whole_at_the_end() -> None:
    chunks = [
        chunk(),
        chunk("Once "),
        "noise",
        {"choices": [None]},
        chunk("more"),
        chunk("", "stop"),
    ]
    stream = TextStream(lambda: iter([*chunks, USAGE]), "llm")
    assert list(stream) == ["Once ", "more"]
    assert stream.completion is not None
    assert (stream.completion.text, stream.completion.finish_reason) == ("Once more", "stop")
    assert stream.completion.usage == Usage(5, 2)


def test_usage_may_never_come_and_chunks_may_have_other_shapes() -> None:
    odd = [{"choices": [{"delta": "x"}]}, {}, chunk(5), chunk("a", "length")]
    stream = TextStream(lambda: iter(odd), "llm")
    assert list(stream) == ["a"]
    assert stream.completion is not None
    assert not stream.completion.usage.reported


def test_a_stream_that_ends_early_is_no_answer() -> None:
    stream = TextStream(lambda: iter([chunk("Once")]), "llm")
    with pytest.raises(TransientError):
        list(stream)
    assert stream.completion is None
