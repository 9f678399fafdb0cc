"""Images: files of a managed folder and addresses, sent with the rows that name them."""

import base64
import hashlib
import json

import pytest
from pictures import jpeg, png

from local_dss.behaviour import Behaviour
from local_dss.faults import unexplained
from local_dss.message_parts import images_of
from local_flow import Flow

WEB = "https://example.com/cat.webp"
DATA = "data:image/png;base64," + base64.b64encode(png(9)).decode()
CONFIG = {"image_column": "photo", "output_columns": "full", "max_retries": 0}
FOLDERS = {"messages": ["prompts"], "images": ["photos"]}


@pytest.fixture
def photos(flow: Flow) -> Flow:
    flow.defaults = {"inputs": FOLDERS}
    put(flow, "cat.png", png(1))
    put(flow, "pets/dog.jpeg", jpeg(40))
    return flow


def put(flow: Flow, name: str, content: bytes) -> None:
    path = flow.project.managed_folder("photos") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def ask(flow: Flow, **cells: str) -> None:
    rows = [{"question": name, "photo": cell} for name, cell in cells.items()]
    flow.project.create_texts("prompts", rows)


def sent(flow: Flow) -> dict[str, list[str]]:
    """Images by question, as they arrived."""
    parts = [call.body["messages"][-1]["content"] for call in flow.mesh.calls]
    questions = [it if isinstance(it, str) else it[0]["text"] for it in parts]
    return dict(zip(questions, (images_of(it.body) for it in flow.mesh.calls), strict=True))


def url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


CAT, DOG = url("image/png", png(1)), url("image/jpeg", jpeg(40))


def test_files_lists_and_addresses_arrive_behind_the_text_in_the_order_of_the_cell(
    photos: Flow,
) -> None:
    ask(
        photos,
        one="cat.png",
        lines=f"/pets/dog.jpeg\n{WEB}\ncat.png",
        json='["pets/dog.jpeg", "cat.png"]',
        data=DATA,
        none="",
    )
    result = photos.run(CONFIG, behaviour=Behaviour(log_level="DEBUG"))
    assert result.succeeded, result.text
    assert "DEBUG" in result.text
    for quoted in ("cat.png", "example.com", CAT[30:60], DOG[30:60], DATA[30:60]):
        assert quoted not in result.text
    assert sent(photos) == {
        "one": [CAT],
        "lines": [DOG, WEB, CAT],
        "json": [DOG, CAT],
        "data": [DATA],
        "none": [],
    }
    contents = [call.body["messages"][-1]["content"] for call in photos.mesh.calls]
    assert [it[0]["type"] for it in contents if isinstance(it, list)] == ["text"] * 4
    assert photos.column("completion") == [
        f"You said: {name}" for name in ("one", "lines", "json", "data", "none")
    ]
    assert photos.column("photo")[1] == f"/pets/dog.jpeg\n{WEB}\ncat.png"
    shown = json.loads(photos.column("messages_sent")[0])[-1]["content"][1]["image_url"]["url"]
    digest = hashlib.blake2b(png(1), digest_size=16, person=b"image v1").hexdigest()
    assert shown == f"data:image/png;bytes={len(png(1))};blake2b={digest}"
    assert "base64" not in photos.column("messages_sent")[3]


def test_an_image_that_cannot_be_sent_costs_its_row_and_no_call(photos: Flow) -> None:
    put(photos, "text.png", b"not a picture")
    put(photos, "huge.png", png(1) + b"\0" * 20_000_000)
    put(photos, "half.png", png(1) + b"\0" * 19_000_000)
    wrong = {
        "outside": "../../secret.png",
        "absolute": "/etc/passwd",
        "missing": "pets/cat.png",
        "folder": "pets",
        "text": "text.png",
        "huge": "huge.png",
        "many": "\n".join(["cat.png"] * 21),
        "together": "\n".join(["half.png"] * 3),
        "list": '["cat.png", 1]',
    }
    ask(photos, good="cat.png", **wrong)
    result = photos.run(CONFIG)
    assert result.succeeded, result.text
    assert photos.column("error_type") == ["", *["invalid_row"] * len(wrong)]
    words = dict(zip(photos.column("question"), photos.column("error_message"), strict=True))
    expected = {
        "outside": "The image '../../secret.png' lies outside the folder 'Images'.",
        "absolute": "The image '/etc/passwd' is not in the folder 'Images'.",
        "missing": "The image 'pets/cat.png' is not in the folder 'Images'.",
        "folder": "The image 'pets' is not in the folder 'Images'.",
        "text": "The file 'text.png' in the folder 'Images' is no PNG, JPEG, GIF or WebP image.",
        "huge": "The image 'huge.png' is larger than the 20 MB that can be sent.",
        "many": "The row names 21 images; at most 20 can be sent.",
        "together": "The images of the row are 57 MB together; at most 50 MB can be sent.",
        "list": "The list of images must hold texts alone: paths or addresses.",
    }
    assert {name: words[name] for name in wrong} == expected
    assert sent(photos) == {"good": [CAT]}
    for quoted in ("secret", "passwd", "text.png", "huge.png", CAT[30:60]):
        assert quoted not in result.text


def test_large_images_arrive_whole_and_nothing_is_left_open(photos: Flow) -> None:
    large = [png(n) + bytes([n]) * 3_000_000 for n in range(4)]
    for n, content in enumerate(large):
        put(photos, f"{n}.png", content)
    ask(photos, **{f"row {n}": f"{n}.png" for n in range(4)})
    result = photos.run(CONFIG)
    assert result.succeeded, result.text
    assert sent(photos) == {f"row {n}": [url("image/png", it)] for n, it in enumerate(large)}
    assert not result.left_open


def test_without_the_folder_paths_cost_their_rows_and_addresses_work(flow: Flow) -> None:
    ask(flow, web=WEB, file="cat.png")
    result = flow.run(CONFIG)
    assert result.succeeded, result.text
    assert sent(flow) == {"web": [WEB]}
    assert flow.column("error_message")[1] == (
        "The image 'cat.png' is a file: add the managed folder that holds it to the recipe's inputs as 'Images'."
    )
    assert "the recipe has no folder 'Images' among its inputs" in result.text


def test_a_folder_that_does_not_answer_stops_the_run_with_one_sentence(photos: Flow) -> None:
    ask(photos, one="cat.png")
    photos.previous_output()
    result = photos.run(CONFIG, behaviour=Behaviour(unreachable_folder="photos"))
    assert result.banner.endswith(
        "The folder 'Images' cannot be read (RuntimeError): check its connection and your rights on it, then run again."
    )
    assert photos.untouched()
    assert not photos.mesh.calls


def test_a_route_that_takes_no_images_fails_their_rows_alone(photos: Flow) -> None:
    photos.mesh.refuses_images = True
    ask(photos, picture="cat.png", words="")
    result = photos.run(CONFIG)
    assert result.succeeded, result.text
    assert photos.column("error_type") == ["bad_request", ""]
    assert photos.column("error_message")[0] == "Images are not supported on this route"


def test_a_resumed_run_asks_changed_pictures_again_and_no_others(photos: Flow) -> None:
    outputs = {"completions": ["answers"], "run_folder": ["run"]}
    put(photos, "third.png", png(3))
    ask(photos, one="cat.png", two="pets/dog.jpeg", three="third.png")
    photos.mesh.fault = lambda question, _time, _call: (
        unexplained(question) if question == "three" else None
    )
    assert photos.run(CONFIG, outputs=outputs).succeeded
    assert photos.column("source") == ["call"] * 3
    photos.mesh.fault = lambda *_: None
    photos.mesh.calls.clear()
    put(photos, "cat.png", png(200))
    result = photos.run(CONFIG, outputs=outputs)
    assert result.succeeded, result.text
    assert sent(photos) == {
        "one": [url("image/png", png(200))],
        "three": [url("image/png", png(3))],
    }
    assert photos.column("source") == ["call", "resumed", "call"]
    assert "resuming 1 answers, 0 identical rows, 2 to ask" in result.text
