"""The identity of an answer."""

from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.fingerprint import FINGERPRINT_BYTES, fingerprint, nth_twin

MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": st.text()}),
    min_size=1,
    max_size=3,
).map(tuple)
PARAMETERS = st.dictionaries(
    st.sampled_from(["temperature", "max_tokens", "stop"]),
    st.floats(0, 2) | st.integers(1, 9) | st.lists(st.text(max_size=2)),
)
REQUESTS = st.builds(CompletionRequest, st.sampled_from(["a", "b"]), MESSAGES, PARAMETERS)


@given(REQUESTS, REQUESTS)
def test_it_is_equal_where_what_is_sent_is_equal_and_nowhere_else(
    one: CompletionRequest, other: CompletionRequest
) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one.body() == other.body())


@given(REQUESTS)
def test_the_order_of_settings_does_not_matter(request: CompletionRequest) -> None:
    turned = dict(reversed([*request.parameters.items()]))
    again = CompletionRequest(request.llm_id, request.messages, turned)
    assert fingerprint(again) == fingerprint(request)
    assert len(fingerprint(request)) == FINGERPRINT_BYTES


def test_it_is_the_same_in_every_process_and_version() -> None:
    """Answers of a paid run are found by it: a change of this value throws them away."""
    request = CompletionRequest("llm", ({"role": "user", "content": "é"},), {"temperature": 0.0})
    assert fingerprint(request).hex() == "e6a390028526b5f4e1e786af281f3802"


def test_twins_differ_and_the_first_is_the_request_itself() -> None:
    assert nth_twin(b"x" * 16, 0) == b"x" * 16
    assert len({nth_twin(b"x" * 16, n) for n in range(50)}) == 50
