"""The first endpoint that lets us in, or why none does."""

import pytest

from mesh_prompt_batch.credentials import first_accepted
from mesh_prompt_batch.endpoint import Endpoint
from mesh_prompt_batch.errors import CallError, EndpointError, LlmError, TransientError

REFUSED = LlmError("authentication", "canary", status=401)
ABSENT = LlmError("not_found", "canary", status=404)
UNTRUSTED = EndpointError("The certificate is not trusted.")
DOWN = TransientError("connection", "canary")


class Door:
    """Answers by credential, or by address; what is in neither opens."""

    def __init__(self, **answers: CallError | EndpointError) -> None:
        self.answers = answers
        self.tried: list[str] = []
        self.pauses: list[float] = []

    def __call__(self, endpoint: Endpoint) -> frozenset[str]:
        self.tried.append(endpoint.credential)
        for name in (endpoint.credential, endpoint.base_url):
            if name in self.answers:
                raise self.answers[name]
        return frozenset({"llm"})


def test_candidates_are_tried_in_order_until_one_is_accepted() -> None:
    door = Door(ticket=REFUSED)
    offers = [Endpoint("a", "ticket"), Endpoint("a", "key"), Endpoint("a", "never")]
    accepted = first_accepted(offers, door, door.pauses.append)
    assert accepted.endpoint.credential == "key"
    assert accepted.llm_ids == {"llm"}
    assert door.tried == ["ticket", "key"]


def test_an_address_that_fails_is_not_tried_with_other_credentials() -> None:
    door = Door(a=ABSENT)
    offers = [Endpoint("a", "one"), Endpoint("b", "one"), Endpoint("a", "two")]
    assert first_accepted(offers, door, door.pauses.append).endpoint.base_url == "b"
    with pytest.raises(EndpointError, match=r"a does not serve .* 'DSS URL'"):
        first_accepted([offers[0], offers[2]], door, door.pauses.append)


def test_where_a_certificate_is_not_trusted_the_next_address_is_tried() -> None:
    door = Door(a=UNTRUSTED)
    offers = [Endpoint("a", "one"), Endpoint("b", "two"), Endpoint("a", "three")]
    assert first_accepted(offers, door, door.pauses.append).endpoint.base_url == "b"
    door = Door(a=UNTRUSTED, b=ABSENT)
    with pytest.raises(EndpointError, match="not trusted"):
        first_accepted(offers, door, door.pauses.append)
    assert door.tried == ["one", "two"]


def test_a_credential_is_what_is_missing_where_another_address_answered() -> None:
    door = Door(a=REFUSED, b=UNTRUSTED)
    offers = [Endpoint("a", "ticket"), Endpoint("b", "ticket")]
    with pytest.raises(EndpointError, match=r"credentials tried, ticket \(HTTP 401\): check"):
        first_accepted(offers, door, door.pauses.append)


def test_a_gateway_that_restarts_is_waited_for_and_then_named() -> None:
    door = Door(a=DOWN)
    with pytest.raises(EndpointError, match=r"a does not answer \(connection\)") as caught:
        first_accepted([Endpoint("a", "one")], door, door.pauses.append)
    assert (door.tried, door.pauses) == (["one"] * 3, [1.0, 2.0])
    assert "canary" not in str(caught.value)


def test_the_sentence_names_all_that_was_tried() -> None:
    door = Door(ticket=REFUSED, key=LlmError("authentication", "", status=403))
    offers = [Endpoint("a", "ticket"), Endpoint("a", "key")]
    with pytest.raises(EndpointError, match=r"ticket \(HTTP 401\) and key \(HTTP 403\)"):
        first_accepted(offers, door, door.pauses.append)


def test_without_any_credential_it_says_so() -> None:
    with pytest.raises(EndpointError, match="There is no credential"):
        first_accepted([], Door(), list[float]().append)
