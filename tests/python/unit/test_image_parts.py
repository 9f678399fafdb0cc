"""Images inside messages: behind the user's text, shortened for people, whole for a call."""

import json
from typing import Any

import pytest
from pictures import png

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.fingerprint import fingerprint
from mesh_prompt_batch.image_file import FolderImage, data_url, new_digest
from mesh_prompt_batch.image_parts import filled, image_urls, shortened, with_images

WEB = "https://example.com/a.png"


def file(data: bytes, path: str = "a.png") -> FolderImage:
    digest = new_digest()
    digest.update(data)
    return FolderImage(path, "image/png", len(data), digest.hexdigest())


def asked(*messages: dict[str, Any]) -> CompletionRequest:
    return CompletionRequest("llm", messages, {})


def part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "What is it?"}
TEXT = {"type": "text", "text": "What is it?"}


def test_images_come_behind_the_text_of_the_last_user_message_in_order() -> None:
    first = {"role": "user", "content": "Example?"}
    image = file(png())
    request = with_images(asked(SYSTEM, first, USER), [WEB, image])
    assert request.messages == (
        SYSTEM,
        first,
        {"role": "user", "content": [TEXT, part(WEB), part(image.short_url)]},
    )
    assert request.images == (image,)


def test_a_user_message_that_has_parts_already_keeps_them() -> None:
    own = {**part(WEB), "image_url": {"url": WEB, "detail": "low"}}
    request = with_images(asked({"role": "user", "content": (TEXT, own)}), ["https://b"])
    assert request.messages[0]["content"] == [TEXT, own, part("https://b")]
    assert image_urls(request) == [WEB, "https://b"]


def test_without_images_the_request_stays_as_it_is() -> None:
    request = asked(USER)
    assert with_images(request, ()) is request


def test_images_without_a_user_message_cost_the_row() -> None:
    with pytest.raises(RequestError) as caught:
        with_images(asked(SYSTEM), [WEB])
    assert (caught.value.error_type, caught.value.calls) == ("invalid_row", 0)


def test_a_call_has_the_bytes_and_nothing_else_changes() -> None:
    image = file(png())
    request = with_images(asked(SYSTEM, USER), [image, WEB])
    whole = filled(request, {image.short_url: data_url("image/png", [png()])})
    assert whole.messages[1]["content"] == [TEXT, part(data_url("image/png", [png()])), part(WEB)]
    assert whole.images == ()
    assert whole.messages[0] == SYSTEM


def test_an_answer_belongs_to_the_content_of_its_images_wherever_they_lie() -> None:
    def key(*images: FolderImage | str) -> bytes:
        return fingerprint(with_images(asked(USER), images))

    assert key(file(png(1), "a.png")) == key(file(png(1), "b.png"))
    assert key(file(png(1))) != key(file(png(2)))
    assert key(file(png(1)), file(png(2))) != key(file(png(2)), file(png(1)))
    assert key() != key(WEB) != key("https://example.com/b.png")


def test_people_see_type_size_and_digest_of_files_and_of_data_addresses_alike() -> None:
    image = file(png())
    given = with_images(asked(USER), [image, data_url("image/png", [png()]), WEB])
    content = shortened(given.messages)[0]["content"]
    assert content == [TEXT, part(image.short_url), part(image.short_url), part(WEB)]
    assert shortened((SYSTEM,)) == (SYSTEM,)


def test_data_that_is_no_base64_is_not_shown_either() -> None:
    message = {"role": "user", "content": [part("data:image/png;base64,secret\ud800")]}
    assert "secret" not in json.dumps(shortened((message,)))


def test_parts_that_are_not_images_pass() -> None:
    odd: dict[str, Any] = {
        "role": "user",
        "content": [{"type": "image_url", "image_url": WEB}, {"image_url": {"url": 3}}],
    }
    assert shortened((odd,)) == (odd,)
