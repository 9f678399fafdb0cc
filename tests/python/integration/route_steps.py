"""Questions to the OpenAI-compatible route, asked from outside with the kit's own key."""

import base64
import struct
import zlib
from collections.abc import Iterator

from integration.arguments import ACCEPTED, ARGUMENTS, HONOURED, IGNORED, REFUSED
from integration.findings import Answer, Finding, KitError, Step
from integration.route import Reply, Route
from integration.workspace import Workspace

NO_PROJECT = "KIT_NO_SUCH_PROJECT"
COLOUR, YELLOW, SIDE = "yellow", b"\xff\xff\x00", 64


def unsupported_arguments(work: Workspace) -> Iterator[Finding]:
    route = Route(work)
    plain = route.chat()
    if plain.status != 200:
        raise KitError(f"A plain call is refused, so nothing can be told: {plain.words}")
    replies = {it.name: route.chat(it.question, **it.sent) for it in ARGUMENTS}
    verdicts = {it.name: it.verdict(replies[it.name]) for it in ARGUMENTS}
    found = []
    for kind, meaning in KINDS.items():
        names = [name for name, it in verdicts.items() if it == kind]
        found.append(f"{meaning}: {', '.join(names) or 'none'}")
    evidence = {name: f"{verdicts[name]}, {it.words}" for name, it in replies.items()}
    yield Answer("unsupported_arguments", "; ".join(found), evidence)


KINDS = {
    HONOURED: HONOURED,
    IGNORED: "accepted and ignored",
    ACCEPTED: "accepted, no answer tells more",
    REFUSED: REFUSED,
}


def images(work: Workspace) -> Iterator[Finding]:
    """DSS or the provider may refuse an image, or drop it without a word."""
    parts = [
        {"type": "text", "text": "Which colour fills this image? Answer with one word."},
        {"type": "image_url", "image_url": {"url": yellow_square()}},
    ]
    reply = Route(work).chat(parts)
    if reply.status != 200:
        found = f"not with this LLM, refused: {reply.words}"
    elif COLOUR in reply.text.casefold():
        found = "yes, with this LLM: it names the colour"
    else:
        found = "taken, but not seen: the image is dropped on the way, or this LLM sees none"
    told = {"answer": reply.text[:200], "finish_reason": reply.choice.get("finish_reason")}
    yield Answer("images_on_openai_route", found, told)


def yellow_square() -> str:
    """A PNG as a data URL, large enough for providers that refuse tiny images."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + YELLOW * SIDE) * SIDE)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    file = base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks)
    return f"data:image/png;base64,{file.decode()}"


def response_shape(work: Workspace) -> Iterator[Finding]:
    route = Route(work)
    reply = route.chat()
    lines = route.lines(stream_options={"include_usage": True})
    data = [it for it in lines if it.startswith("data:")]
    usage = [it for it in data if '"usage":' in it.replace('"usage":null', "")]
    ends = "with [DONE]" if lines and lines[-1].strip() == "data: [DONE]" else "without [DONE]"
    there = "there" if reply.usage else "missing"
    yield Answer(
        "response_shape",
        f"{reply.words}; usage {there}; a stream of {len(data)} events ends {ends}, usage"
        f" {'in it' if usage else 'missing'}",
        {
            "keys": sorted(reply.body) if isinstance(reply.body, dict) else [],
            "keys of a choice": sorted(reply.choice),
            "keys of a message": sorted(reply.message),
            "keys of usage": sorted(reply.usage),
            "first line of the stream is data": bool(data) and lines[0] == data[0],
        },
    )


def error_statuses(work: Workspace) -> Iterator[Finding]:
    route = Route(work)
    replies = {
        "unknown LLM": route.chat(model="openai:kit-no-such-connection:no-such-model").words,
        "unknown key": route.models(key="kit-no-such-key").words,
        "unknown project": route.models(project=NO_PROJECT).words,
    }
    yield Answer("error_statuses", "; ".join(f"{k}: {v[:60]}" for k, v in replies.items()), replies)


def other_routes(work: Workspace) -> Iterator[Finding]:
    route = Route(work)
    replies = {
        "embeddings": route.post("embeddings", {"model": work.target.llm_id, "input": "river"}),
        "completions": route.post(
            "completions", {"model": work.target.llm_id, "prompt": "A river:", "max_tokens": 5}
        ),
    }
    yield Answer(
        "other_routes",
        "; ".join(f"{name}: {_served(it)}" for name, it in replies.items()),
        {name: it.words for name, it in replies.items()},
    )


def _served(reply: Reply) -> str:
    return "not there" if reply.status == 404 else f"there (HTTP {reply.status})"


STEPS = (
    Step("Arguments", unsupported_arguments, ("unsupported_arguments",), 1 + len(ARGUMENTS)),
    Step("Images", images, ("images_on_openai_route",), 1),
    Step("An answer's fields", response_shape, ("response_shape",), 2),
    Step("Refusals", error_statuses, ("error_statuses",), 1),
    Step("Other routes", other_routes, ("other_routes",), 2),
)
