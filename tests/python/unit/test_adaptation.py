"""What an LLM refuses is left out, or renamed, from then on."""

import asyncio
import json
import logging
from collections.abc import Mapping

import pytest

from mesh_prompt_batch.adaptation import Adaptations
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.errors import CallError, ParameterError, RequestError
from mesh_prompt_batch.fingerprint import fingerprint
from mesh_prompt_batch.refusals import Refusal, call_error
from our_logs import told

ALL: Mapping[str, object] = {
    "temperature": 0.0,
    "top_p": 0.5,
    "frequency_penalty": 1.0,
    "presence_penalty": 1.0,
    "stop": ["."],
    "max_tokens": 500,
    "stream": True,
    "stream_options": {"include_usage": True},
}
WANTS = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


def request(prompt: str = "Why is it so?", **parameters: object) -> CompletionRequest:
    message = {"role": "user", "content": prompt}
    return CompletionRequest("llm", (message,), parameters or ALL)


def dss(words: str, status: int = 500) -> Refusal:
    java = "com.dataiku.dip.exceptions.CodedIOException"
    return Refusal(status, {"errorType": java, "message": words, "detailedMessage": words})


def openai(words: str) -> Refusal:
    error = {"message": words, "type": "invalid_request_error", "param": None, "code": None}
    return Refusal(400, error)


REFUSED = {
    WANTS: "max_tokens",
    "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.": (
        "temperature"
    ),
    "Unsupported parameter: 'top_p' is not supported with this model.": "top_p",
    "Unsupported parameter: 'stop' is not supported with this model.": "stop",
    "`temperature` is deprecated for this model.": "temperature",
    "`temperature` and `top_p` cannot both be specified for this model. Please use only one.": "top_p",
    "Malformed input request: #: extraneous key [presence_penalty] is not permitted": "presence_penalty",
    "temperature: Extra inputs are not permitted": "temperature",
    "Unrecognized request argument supplied: frequency_penalty": "frequency_penalty",
    "create() got an unexpected keyword argument 'top_p'": "top_p",
    "Unsupported arguments: stream_options": "stream_options",
    "This model does not support the 'temperature' parameter": "temperature",
    "Unsupported value: 'stream' does not support true with this model.": "stream",
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_refused_parameter_is_recognised_in_every_envelope(words: str) -> None:
    nested = (
        f"OpenAI: 400: {json.dumps({'error': {'message': words, 'code': 'unsupported_parameter'}})}"
    )
    for refusal in (openai(words), dss(words), dss(words, 400), dss(nested), dss(nested, 422)):
        error = call_error(refusal, request())
        assert isinstance(error, ParameterError), refusal
        assert error.parameter == REFUSED[words]


@pytest.mark.parametrize(
    "words",
    [
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
        "max_tokens is too large: 500. This model supports at most 100 completion tokens.",
        "max_tokens must be at least 1",
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "This model's maximum context length is 8192 tokens; max_tokens is 500.",
        "Unsupported parameter: 'seed' is not supported with this model.",
        "Stream closed",
    ],
)
def test_other_refusals_are_none_of_a_parameter(words: str) -> None:
    for refusal in (openai(words), dss(words)):
        assert not isinstance(call_error(refusal, request()), ParameterError)


def test_only_what_was_sent_can_be_refused() -> None:
    error = call_error(openai(WANTS), request(temperature=1))
    assert (type(error), error.error_type) == (RequestError, "bad_request")
    assert type(call_error(openai(WANTS))) is RequestError
    assert call_error(dss(WANTS, 503), request()).error_type == "server"


def test_a_prompt_that_speaks_of_refusals_decides_nothing() -> None:
    prompt = "Explain: Unsupported parameter: 'temperature' is not supported"
    assert not isinstance(call_error(openai(f"Bad: {prompt}"), request(prompt)), ParameterError)


@pytest.mark.parametrize("prompt", ["a", "is", "e", "port", "0", "max"])
def test_a_prompt_of_a_few_letters_does_not_hide_the_words(prompt: str) -> None:
    error = call_error(openai(WANTS), request(prompt))
    assert isinstance(error, ParameterError)


def learn(adaptations: Adaptations, words: str, asked: CompletionRequest) -> None:
    error = call_error(dss(words), adaptations.applied(asked))
    assert isinstance(error, ParameterError)
    adaptations.learn(asked, error)


def advice_of(adaptations: Adaptations, words: str, asked: CompletionRequest) -> RequestError:
    with pytest.raises(RequestError) as caught:
        learn(adaptations, words, asked)
    return caught.value


def test_what_is_refused_is_left_out_or_renamed_for_that_llm_alone() -> None:
    adaptations, asked = Adaptations(), request(temperature=0.0, max_tokens=5, stop=["."])
    assert adaptations.applied(asked) is asked
    before = fingerprint(asked)
    learn(adaptations, "Unsupported parameter: 'temperature' is not supported", asked)
    learn(adaptations, WANTS, asked)
    assert adaptations.applied(asked).parameters == {"max_completion_tokens": 5, "stop": ["."]}
    assert adaptations.applied(asked).messages == asked.messages
    other = CompletionRequest("other", asked.messages, asked.parameters)
    assert adaptations.applied(other) is other
    assert fingerprint(asked) == before


def test_without_streaming_nothing_is_said_about_it() -> None:
    adaptations, asked = Adaptations(), request(stream=True, stream_options={}, top_p=1)
    learn(adaptations, "Unsupported value: 'stream' does not support true.", asked)
    assert adaptations.applied(asked).parameters == {"top_p": 1}


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("Unsupported parameter: 'stop' is not supported with this model.", "Stop sequences"),
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "Max tokens"),
    ],
)
def test_what_cannot_be_spared_ends_in_advice_that_names_the_field(
    words: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    adaptations = Adaptations()
    advice_of(adaptations, words, request())
    advice = advice_of(adaptations, words, request())
    assert caplog.text.count(f"does not take '{field}'") == 1
    assert words not in caplog.text
    assert (type(advice), advice.error_type) == (RequestError, "bad_request")
    assert f"'{field}'" in advice.provider_words
    assert words in advice.provider_words


def test_an_llm_that_takes_neither_name_of_the_limit_ends_in_advice() -> None:
    adaptations, asked = Adaptations(), request(max_tokens=5)
    learn(adaptations, WANTS, asked)
    advice = advice_of(adaptations, "Unsupported arguments: max_completion_tokens", asked)
    assert "'Max tokens'" in advice.provider_words


def test_many_calls_that_are_refused_at_once_teach_once(caplog: pytest.LogCaptureFixture) -> None:
    adaptations, asked = Adaptations(), request("a secret", temperature=0.0, max_tokens=5)
    refused = 0

    async def call() -> Mapping[str, object]:
        nonlocal refused
        while True:
            sent = adaptations.applied(asked)
            await asyncio.sleep(0)
            error: CallError | None = None
            if "temperature" in sent.parameters:
                error = call_error(openai("a secret: 'temperature' is not supported"), sent)
            elif "max_tokens" in sent.parameters:
                error = call_error(openai(WANTS), sent)
            if error is None:
                return sent.parameters
            refused += 1
            assert isinstance(error, ParameterError)
            adaptations.learn(asked, error)

    async def all_calls() -> list[Mapping[str, object]]:
        return await asyncio.gather(*(call() for _ in range(8)), return_exceptions=False)

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(all_calls()) == [{"max_completion_tokens": 5}] * 8
    assert refused == 16
    assert [it.split(":")[0] for it in told(caplog)] == [
        "llm refuses 'temperature'",
        "llm refuses 'max_tokens' and takes 'max_completion_tokens'",
    ]
    assert "secret" not in caplog.text
