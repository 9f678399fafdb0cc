"""What the answers to the probes show."""

import base64
import json
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.capability_probes import (
    ACCEPTED,
    ALIVE,
    CAPABILITIES,
    FEW_TOKENS,
    HONOURED,
    IGNORED,
    MAX_TOKENS,
    MOST_CALLS,
    OTHERS,
    ProbeAnswer,
)
from mesh_prompt_batch.completion import Completion
from mesh_prompt_batch.usage import Usage

PROBES = {it.column: it for it in (ALIVE, MAX_TOKENS, *OTHERS)}
SHOWN = {
    "system_message": (["The secret word is Pelican."], ["I know no secret word.", ""]),
    "json_by_prompt": (
        ['{"capital": "Paris"}', 'Sure:\n```json\n{"capital": "Paris"}\n```'],
        ["Paris.", '{"capital": 1}', '{"capital": '],
    ),
    "response_format": (['{"pelican": 3}'], ["Hello!", '{"hello": 1}', '{"pelican": ', "[]"]),
    "images": (["Yellow.", "It is bright yellow"], ["I cannot see images.", ""]),
}


@pytest.mark.parametrize("column", SHOWN)
def test_an_answer_shows_whether_it_was_heard(column: str) -> None:
    honoured, ignored = SHOWN[column]
    probe = PROBES[column]
    assert {probe.judged(ProbeAnswer(it)) for it in honoured} == {HONOURED}
    assert {probe.judged(ProbeAnswer(it)) for it in ignored} == {IGNORED}
    assert probe.judged(ProbeAnswer(ignored[0], "length")) == "cut off"
    assert probe.judged(ProbeAnswer(honoured[0], "length")) == HONOURED


@pytest.mark.parametrize(
    ("reason", "tokens", "verdict"),
    [
        ("length", None, HONOURED),
        ("stop", FEW_TOKENS, HONOURED),
        ("stop", FEW_TOKENS + 1, IGNORED),
        ("stop", None, IGNORED),
        ("length", 500, HONOURED),
    ],
)
def test_a_bound_shows_in_how_an_answer_ends(reason: str, tokens: int | None, verdict: str) -> None:
    assert MAX_TOKENS.judged(ProbeAnswer("1, 2", reason, Usage(9, tokens))) == verdict


def test_streams_come_in_pieces_tools_are_called_and_temperature_is_taken() -> None:
    streaming, tools = PROBES["streaming"], PROBES["tools"]
    assert streaming.streamed
    assert [streaming.judged(ProbeAnswer("1, 2", pieces=n)) for n in (0, 1, 2)] == [
        IGNORED,
        IGNORED,
        HONOURED,
    ]
    assert tools.judged(ProbeAnswer(tool="note_word")) == HONOURED
    assert tools.judged(ProbeAnswer("note_word(pelican)")) == IGNORED
    assert PROBES["temperature"].judged(ProbeAnswer()) == ACCEPTED


def test_each_probe_sends_nothing_but_what_it_is_about() -> None:
    sent = {it.column: set(it.request("llm", {}).body()) - {"model", "messages"} for it in OTHERS}
    assert {name: it for name, it in sent.items() if it} == {
        "response_format": {"response_format"},
        "tools": {"tools"},
        "temperature": {"temperature"},
    }
    assert ALIVE.request("llm", {}).parameters == {}
    assert MAX_TOKENS.request("llm", {}).parameters == {"max_tokens": FEW_TOKENS}
    bound = {"max_tokens": 200}
    assert all(it.request("llm", bound).parameters["max_tokens"] == 200 for it in OTHERS)
    assert len(PROBES) == len(CAPABILITIES) == MOST_CALLS - 1, "the limit has two names"
    assert PROBES.keys() == CAPABILITIES.keys()


def test_the_answer_to_a_probe_stands_nowhere_but_in_the_part_under_test() -> None:
    asked = {it.column: it.messages[-1]["content"] for it in OTHERS}
    assert "pelican" not in str(asked["system_message"])
    assert "pelican" not in str(asked["response_format"])
    assert "yellow" not in str(asked["images"]).casefold()
    assert len(json.dumps([it.messages for it in PROBES.values()])) < 4_000, "small calls"


def test_the_image_is_a_whole_png_of_one_colour() -> None:
    content = PROBES["images"].messages[0]["content"]
    assert isinstance(content, list)
    file = base64.b64decode(content[1]["image_url"]["url"].partition(",")[2])
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds = 8, {}
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        kind, data = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + data) == int.from_bytes(
            file[at + 8 + length : at + 12 + length], "big"
        )
        kinds[kind], at = data, at + 12 + length
    assert list(kinds) == [b"IHDR", b"IDAT", b"IEND"]
    assert zlib.decompress(kinds[b"IDAT"]) == (b"\0" + b"\xff\xff\x00" * 64) * 64


def test_an_answer_is_read_with_its_tool_call_and_usage() -> None:
    call = {"function": {"name": "note_word", "arguments": "{}"}}
    body = {
        "choices": [
            {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
    assert ProbeAnswer.of(body) == ProbeAnswer("", "tool_calls", Usage(3, 4), "note_word")
    streamed = Completion("1, 2", "stop", Usage(3, 4), "llm", 0.5)
    assert ProbeAnswer.of_stream(None, 0) == ProbeAnswer(pieces=0)
    assert ProbeAnswer.of_stream(streamed, 3) == ProbeAnswer("1, 2", "stop", Usage(3, 4), pieces=3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "tool_calls", "function", "name", "usage"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_comes_with_200_can_be_judged(body: object) -> None:
    answer = ProbeAnswer.of(body)
    verdicts: Mapping[str, str] = {it.column: it.judged(answer) for it in PROBES.values()}
    assert {*verdicts.values()} <= {HONOURED, IGNORED, ACCEPTED, "cut off"}


def test_a_probe_s_columns_are_told_apart() -> None:
    labels = [*CAPABILITIES.values()]
    assert len({*labels}) == len(labels)
