"""Questions to the OpenAI-compatible route, asked from outside with the kit's own key."""

from collections.abc import Iterator

from integration.findings import Answer, Finding, KitError, Step
from integration.route import Reply, Route
from integration.workspace import Workspace

# What the documentation lists as not supported, and the newer name of the token limit.
UNSUPPORTED: dict[str, object] = {
    "n": 1,
    "response_format": {"type": "json_object"},
    "seed": 7,
    "service_tier": "auto",
    "parallel_tool_calls": False,
    "user": "kit",
    "functions": [{"name": "f", "parameters": {"type": "object", "properties": {}}}],
    "max_completion_tokens": 200,
}
# A red pixel.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQ"
    "DwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
NO_PROJECT = "KIT_NO_SUCH_PROJECT"


def unsupported_arguments(work: Workspace) -> Iterator[Finding]:
    """JSON mode wants the word in the question."""
    route = Route(work)
    asked = [{"role": "user", "content": 'Answer with this JSON: {"river": "Rhine"}'}]
    plain = route.chat(messages=asked)
    if plain.status != 200:
        raise KitError(f"A plain call is refused, so nothing can be told: {plain.words}")
    replies = {
        name: route.chat(messages=asked, **{name: value}).words
        for name, value in UNSUPPORTED.items()
    }
    taken = [name for name, it in replies.items() if it == "HTTP 200"]
    others = [name for name in replies if name not in taken]
    yield Answer(
        "unsupported_arguments",
        f"accepted: {', '.join(taken) or 'none'}; refused: {', '.join(others) or 'none'}",
        replies,
    )


def images(work: Workspace) -> Iterator[Finding]:
    parts = [
        {"type": "text", "text": "Which colour is this? Answer in one word."},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]
    reply = Route(work).chat(messages=[{"role": "user", "content": parts}])
    found = "yes, with this LLM" if reply.status == 200 else "not with this LLM"
    yield Answer("images_on_openai_route", f"{found}: {reply.words}")


def response_shape(work: Workspace) -> Iterator[Finding]:
    route = Route(work)
    reply = route.chat()
    body = reply.body if isinstance(reply.body, dict) else {}
    choice = (body.get("choices") or [{}])[0]
    lines = route.lines(stream_options={"include_usage": True})
    data = [it for it in lines if it.startswith("data:")]
    usage = [it for it in data if '"usage":' in it.replace('"usage":null', "")]
    ends = "with [DONE]" if lines and lines[-1].strip() == "data: [DONE]" else "without [DONE]"
    used = body.get("usage") or {}
    yield Answer(
        "response_shape",
        f"{reply.words}; usage {'there' if used else 'missing'}; a stream of {len(data)} events ends {ends}, usage"
        f" {'in it' if usage else 'missing'}",
        {
            "keys": sorted(body),
            "keys of a choice": sorted(choice),
            "keys of a message": sorted(choice.get("message") or {}),
            "keys of usage": sorted(used),
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
    Step("Arguments", unsupported_arguments, ("unsupported_arguments",), 1 + len(UNSUPPORTED)),
    Step("Images", images, ("images_on_openai_route",), 1),
    Step("An answer's fields", response_shape, ("response_shape",), 2),
    Step("Refusals", error_statuses, ("error_statuses",), 1),
    Step("Other routes", other_routes, ("other_routes",), 2),
)
