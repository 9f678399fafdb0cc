"""The content of messages: text, or parts that are text and images."""

import base64
from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]


def content_error(content: object) -> str | None:
    """Text, or parts that are text or an image: of a file all of its bytes, in base64."""
    if isinstance(content, str) or content is None:
        return None
    if not isinstance(content, list) or not content:
        return f"Content is neither text nor parts: {content!r:.60}"
    for part in content:
        match part:
            case {"type": "text", "text": str()} if len(part) == 2:
                continue
            case {"type": "image_url", "image_url": {"url": str() as url}} if is_image(url):
                continue
        return f"Unknown part of a message: {part!r:.60}"
    return None


def is_image(url: str) -> bool:
    head, comma, data = url.partition(",")
    if not head.startswith("data:"):
        return url.startswith(("http://", "https://"))
    try:
        return head.endswith(";base64") and bool(base64.b64decode(data, validate=True) and comma)
    except ValueError:
        return False


def images_of(body: Body) -> list[str]:
    """URLs of the images, in order."""
    contents = [it.get("content") for it in body["messages"]]
    parts = [part for it in contents if isinstance(it, list) for part in it]
    return [str(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
