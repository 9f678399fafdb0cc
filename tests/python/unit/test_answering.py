"""A row asked again while its answer is not the JSON that was asked for."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from fakes import answered
from mesh_prompt_batch.answering import complete_in_format
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.form import Form
from mesh_prompt_batch.format_settings import LABELS, FormatSettings
from mesh_prompt_batch.usage import Usage

SCHEMA = {"type": "object", "properties": {"label": {"enum": ["yes", "no"]}}, "required": ["label"]}
FORM = Form({"output_format": "json_schema", "json_schema": json.dumps(SCHEMA)}, LABELS)
WANTED = FormatSettings.from_form(FORM)
REQUEST = CompletionRequest("llm", ({"role": "user", "content": "Is it?"},), {"max_tokens": 50})
GOOD, BAD = '{"label": "yes"}', '{"label": "perhaps"}'


class Script:
    """Answers one call after the other with a text, or with an outcome as it is."""

    def __init__(self, *outcomes: str | Outcome | None) -> None:
        self._left = list(outcomes)
        self.asked: list[CompletionRequest] = []

    async def complete(self, request: CompletionRequest) -> Outcome | None:
        self.asked.append(request)
        outcome = self._left.pop(0)
        return answered(outcome) if isinstance(outcome, str) else outcome

    def run(
        self, request: CompletionRequest = REQUEST, wanted: FormatSettings = WANTED
    ) -> Outcome | None:
        outcome = asyncio.run(complete_in_format(self.complete, request, wanted))
        assert not self._left
        return outcome

    def answer(self, **changes: Any) -> Completion:
        outcome = self.run(**changes)
        assert isinstance(outcome, Completion)
        return outcome

    def failure(self, **changes: Any) -> Failure:
        outcome = self.run(**changes)
        assert isinstance(outcome, Failure)
        return outcome

    @property
    def rooms(self) -> list[object]:
        return [it.parameters.get("max_tokens") for it in self.asked]


def cut(text: str = '{"label": "y') -> Completion:
    return replace(answered(text), finish_reason="length")


def failed(error_type: Any) -> Failure:
    return Failure(error_type, "words", 1, 400, Usage(5, None))


def test_a_good_answer_is_taken_as_it_is() -> None:
    assert Script(GOOD).answer() == answered(GOOD)


def test_text_is_never_asked_again() -> None:
    for outcome in (answered(BAD), cut(), failed("truncated"), None):
        assert Script(outcome).run(wanted=FormatSettings()) is outcome


def test_an_answer_that_is_wrong_is_shown_with_what_is_wrong_and_asked_again() -> None:
    script = Script("Yes, it is.", BAD, GOOD)
    answer = script.answer()
    assert answer.text == GOOD
    assert (answer.attempts, answer.usage) == (3, Usage(6, 3))
    first, second, third = (it.messages for it in script.asked)
    assert first == REQUEST.messages
    assert [it["role"] for it in second] == ["user", "assistant", "user"]
    assert second[1]["content"] == "Yes, it is."
    assert "It holds no JSON object." in str(second[2]["content"])
    # The conversation does not grow: only the last answer is shown.
    assert [it["content"] for it in third[:2]] == ["Is it?", BAD]
    assert "'perhaps' is not one of ['yes', 'no']" in str(third[2]["content"])
    assert script.rooms == [50, 50, 50]


def test_after_two_corrections_the_row_fails_and_keeps_what_was_said() -> None:
    failure = Script("a", "b", BAD).failure()
    assert failure.error_type == "invalid_output"
    assert "'perhaps' is not one of" in failure.message
    assert (failure.attempts, failure.usage) == (3, Usage(6, 3))
    assert failure.answer is not None
    assert failure.answer.text == BAD


def test_a_cut_answer_is_asked_for_once_more_with_twice_the_room_and_the_same_words() -> None:
    script = Script(cut(), GOOD)
    assert script.answer().attempts == 2
    assert script.rooms == [50, 100]
    assert script.asked[1].messages == REQUEST.messages


def test_twice_cut_is_truncated_and_keeps_what_was_said() -> None:
    script = Script(cut(), cut(GOOD))
    failure = script.failure()
    assert failure.error_type == "truncated"
    assert (failure.attempts, failure.usage) == (2, Usage(4, 2))
    assert failure.answer is not None
    assert failure.answer.text == GOOD
    assert "'Max tokens'" in failure.message


def test_an_answer_cut_before_its_first_word_gets_more_room_too() -> None:
    script = Script(failed("truncated"), GOOD)
    answer = script.answer()
    assert (answer.attempts, answer.usage) == (2, Usage(7, 1))
    assert script.rooms == [50, 100]
    assert Script(failed("truncated"), failed("truncated")).failure().answer is None


def test_without_max_tokens_twice_what_came_is_allowed_where_it_is_known() -> None:
    free = replace(REQUEST, parameters={})
    script = Script(replace(cut(), usage=Usage(1, 700)), GOOD)
    script.answer(request=free)
    assert script.rooms == [None, 1400]
    assert Script(failed("truncated")).failure(request=free).error_type == "truncated"


def test_corrections_and_room_are_each_spent_once() -> None:
    script = Script(cut(), BAD, cut())
    assert script.failure().error_type == "truncated"
    assert script.rooms == [50, 100, 100]
    script = Script(BAD, cut(), BAD, BAD)
    assert script.failure().error_type == "invalid_output"
    assert script.rooms == [50, 50, 100, 100]
    assert [it["role"] for it in script.asked[2].messages] == ["user", "assistant", "user"]


@pytest.mark.parametrize("error_type", ["guardrail", "rate_limit", "empty"])
def test_another_kind_of_error_stays_what_it_is(error_type: str) -> None:
    assert Script(failed(error_type)).failure() == failed(error_type)
    failure = Script(BAD, failed(error_type)).failure()
    assert (failure.error_type, failure.attempts, failure.usage) == (error_type, 2, Usage(7, 1))
    assert failure.answer is not None
    assert failure.answer.text == BAD


@pytest.mark.parametrize("error_type", ["bad_request", "context_length"])
def test_what_only_our_asking_again_ran_into_is_not_the_row_s_error(error_type: str) -> None:
    failure = Script(BAD, failed(error_type)).failure()
    assert (failure.error_type, failure.attempts, failure.usage) == (
        *("invalid_output", 2),
        Usage(7, 1),
    )
    assert Script(cut(), failed(error_type)).failure().error_type == "truncated"
    assert Script(failed(error_type)).failure().error_type == error_type


def test_a_limit_leaves_the_row_undecided() -> None:
    assert Script(None).run() is None
    assert Script(BAD, None).run() is None


def test_an_answer_with_halves_of_pairs_can_be_shown_again() -> None:
    script = Script('{"label": "\ud83d"}', GOOD)
    script.answer()
    json.dumps(script.asked[1].body(), ensure_ascii=False).encode()
