"""Images as parts of messages: put in, shortened for people, filled with their bytes for a call."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mesh_prompt_batch.completion import CompletionRequest, Message
from mesh_prompt_batch.errors import invalid_row
from mesh_prompt_batch.image_file import FolderImage, new_digest, short_url

# What lies between two semicolons is read once, however long it is.
_DATA = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,", re.IGNORECASE)


def with_images(
    request: CompletionRequest, images: Sequence[FolderImage | str]
) -> CompletionRequest:
    """`images`, files or addresses, come behind the text of the last user message.

    Raises RequestError (`invalid_row`) where there is no such message.
    """
    if not images:
        return request
    users = [at for at, it in enumerate(request.messages) if it.get("role") == "user"]
    if not users:
        raise invalid_row("There is no user message for the images to go with.")
    urls = [it.short_url if isinstance(it, FolderImage) else it for it in images]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    messages = list(request.messages)
    last = messages[users[-1]]
    messages[users[-1]] = {**last, "content": [*_parts(last.get("content")), *parts]}
    files = tuple(it for it in images if isinstance(it, FolderImage))
    return replace(request, messages=tuple(messages), images=(*request.images, *files))


def image_urls(request: CompletionRequest) -> list[str]:
    """Of all images of all messages."""
    urls: list[str] = []

    def noted(url: str) -> str:
        urls.append(url)
        return url

    _mapped(request.messages, noted)
    return urls


def filled(request: CompletionRequest, data_urls: Mapping[str, str]) -> CompletionRequest:
    """Ready to be sent: `data_urls` has the whole URL of each short one."""
    messages = _mapped(request.messages, lambda url: data_urls.get(url, url))
    return replace(request, messages=messages, images=())


def without_urls(request: CompletionRequest) -> CompletionRequest:
    """As it is, but for what its images hold or name."""
    return replace(request, messages=_mapped(request.messages, lambda _: ""), images=())


def shortened(messages: Sequence[Message]) -> tuple[Message, ...]:
    """With type, size and digest of an image in place of its bytes."""
    return _mapped(messages, _short)


def _parts(content: object) -> list[object]:
    if isinstance(content, (list, tuple)):
        return list(content)
    return [] if content is None else [{"type": "text", "text": content}]


def _mapped(messages: Sequence[Message], change: Callable[[str], str]) -> tuple[Message, ...]:
    return tuple(
        {**message, "content": [_changed(part, change) for part in content]}
        if isinstance(content := message.get("content"), (list, tuple))
        else message
        for message in messages
    )


def _changed(part: Mapping[str, object], change: Callable[[str], str]) -> Mapping[str, object]:
    image = part.get("image_url")
    if not isinstance(image, Mapping) or not isinstance(image.get("url"), str):
        return part
    return {**part, "image_url": {**image, "url": change(image["url"])}}


def _short(url: str) -> str:
    head = _DATA.match(url)
    if head is None:
        return url
    try:
        data = base64.b64decode(url[head.end() :])
    except ValueError:
        # No base64 after all: whatever it is, it is not shown.
        data = url[head.end() :].encode(errors="replace")
    digest = new_digest()
    digest.update(data)
    return short_url(head.group(1), len(data), digest.hexdigest())
