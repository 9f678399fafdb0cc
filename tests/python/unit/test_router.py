"""Calls to several LLMs in virtual time: who is given up, who stands in, and that none waits for another."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from virtual_time import run

from fakes import answered
from mesh_prompt_batch.completion import Completion, CompletionRequest, Failure, Outcome
from mesh_prompt_batch.errors import LlmError, RunStoppedError, TransientError
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.retry import RetryPolicy, complete_with_retries
from mesh_prompt_batch.router import Router
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.window import run_window

POLICY = RetryPolicy(max_retries=6, max_wait=600)
Fate = Callable[[float], Exception | None]


def well(_: float) -> None:
    return None


def gone(_: float) -> Exception:
    return LlmError("not_found", "words", status=404)


def failing(_: float) -> Exception:
    return TransientError("server", "words", status=503)


def down_for_five_minutes(now: float) -> Exception | None:
    return failing(now) if now < 300 else None


def down_for_a_minute(now: float) -> Exception | None:
    return failing(now) if now < 60 else None


def refusing(_: float) -> Exception:
    return TransientError("rate_limit", "words", status=429)


def pausing(_: float) -> Exception:
    return TransientError("rate_limit", "words", status=429, retry_after=500)


@dataclass
class Mesh:
    """Each LLM answers after a second, or as its fate says."""

    fates: dict[str, Fate] = field(default_factory=dict)
    calls: list[tuple[str, float]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def call(self, request: CompletionRequest) -> Completion:
        now = asyncio.get_running_loop().time()
        self.calls.append((request.llm_id, now))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(1)
        self.in_flight -= 1
        error = self.fates.get(request.llm_id, well)(now)
        if error is not None:
            raise error
        return answered("fine", request.llm_id)


def outcomes(
    mesh: Mesh, llm_ids: Sequence[str], fallback: str = "", *, known: bool = True, most: int = 4
) -> tuple[list[Outcome], float]:
    """Of one row an LLM id, a window each LLM; and the time they took."""

    async def main() -> list[Outcome]:
        now = asyncio.get_running_loop().time
        traffic = Traffic(OwnLimits(Limits(most, adaptive=False)), POLICY.max_wait, now=now)
        router = Router(mesh.call, traffic, lambda: llm_ids if known else None, fallback)
        found: dict[int, Outcome] = {}

        async def work(row: tuple[int, str]) -> None:
            number, llm_id = row
            asked = CompletionRequest(llm_id, ({"role": "user", "content": "q"},), {})
            found[number] = await complete_with_retries(
                router.call, asked, POLICY, traffic.sleep, lambda: 0.5
            )

        lanes = [[it for it in enumerate(llm_ids) if it[1] == lane] for lane in {*llm_ids}]
        await asyncio.gather(*[run_window(taker(lane), work, most) for lane in lanes])
        return [found[number] for number in range(len(llm_ids))]

    return run(main())


def taker(rows: Sequence[tuple[int, str]]) -> Callable[[], Awaitable[tuple[int, str] | None]]:
    left = iter(rows)

    async def take() -> tuple[int, str] | None:
        return next(left, None)

    return take


def answered_by(found: Sequence[Outcome]) -> list[str]:
    return [it.llm_id if isinstance(it, Completion) else it.error_type for it in found]


def test_an_llm_that_is_gone_costs_its_rows_and_nobody_else_s() -> None:
    mesh = Mesh({"gone": gone})
    found, _ = outcomes(mesh, ["gone", "a", *["gone"] * 8, "a"])
    assert answered_by(found) == ["not_found", "a", *["not_found"] * 8, "a"]
    made = [it.attempts for it in found if isinstance(it, Failure)]
    # Those that were on their way together; whoever comes later is not asked.
    assert sum(made) == sum(it == "gone" for it, _ in mesh.calls) <= 4
    assert all(it.message == "words" for it in found if isinstance(it, Failure))


def test_the_run_stops_when_none_is_left_and_the_sentence_names_one() -> None:
    with pytest.raises(
        RunStoppedError, match=r"no such LLM, or not for you \(HTTP 404\).*was gone\."
    ):
        outcomes(Mesh({"gone": gone}), ["gone", "gone"])
    with pytest.raises(RunStoppedError, match="no such LLM"):
        outcomes(Mesh({"gone": gone, "also": gone}), ["gone", "gone"], "also")


def test_while_rows_may_name_other_llms_it_is_not_known_whether_one_is_left() -> None:
    found, _ = outcomes(Mesh({"gone": gone}), ["gone"], known=False)
    assert answered_by(found) == ["not_found"]


def test_the_fallback_answers_for_one_that_is_gone_and_calls_to_both_count() -> None:
    found, _ = outcomes(Mesh({"gone": gone}), ["gone"] * 6, "spare")
    assert answered_by(found) == ["spare"] * 6
    assert sorted(it.attempts for it in found) == [1, 1, 2, 2, 2, 2]


def test_the_fallback_answers_while_the_other_only_fails_and_not_afterwards() -> None:
    mesh = Mesh({"ill": down_for_five_minutes})
    found, took = outcomes(mesh, ["ill"] * 900, "spare", most=2)
    counts = Counter(answered_by(found))
    assert set(counts) == {"ill", "spare"}
    assert 500 < counts["spare"] < 700
    assert took < 1.2 * 450 + 60
    probes = [at for llm_id, at in mesh.calls if llm_id == "ill" and 60 < at < 300]
    assert 2 <= len(probes) <= 8


def test_one_that_stays_down_is_given_up_for_the_fallback_and_named_where_there_is_none() -> None:
    found, _ = outcomes(Mesh({"ill": failing}), ["ill"] * 2000, "spare", most=2)
    assert set(answered_by(found)) == {"spare"}
    with pytest.raises(RunStoppedError, match=r"has failed every call for 1. min.*run again when"):
        outcomes(Mesh({"ill": failing}), ["ill"] * 10)


def test_where_both_only_fail_the_row_s_own_is_tried_again() -> None:
    mesh = Mesh({"ill": down_for_a_minute, "spare": down_for_a_minute})
    found, _ = outcomes(mesh, ["ill"] * 8, "spare")
    assert all(isinstance(it, Completion) for it in found)


def test_an_llm_that_pauses_holds_nobody_else_up_and_all_share_the_calls_at_once() -> None:
    mesh = Mesh({"tired": lambda now: pausing(now) if now < 100 else None})
    found, took = outcomes(mesh, ["tired", "a", "b", "a", "b", "a", "b", "a"], most=2)
    assert answered_by(found) == ["tired", "a", "b", "a", "b", "a", "b", "a"]
    assert max(at for llm_id, at in mesh.calls if llm_id in "ab") < 10
    assert took > 500
    assert mesh.most_in_flight == 2


def test_an_llm_that_refuses_every_call_costs_its_rows_and_nobody_else_s() -> None:
    mesh = Mesh({"tired": refusing})
    found, took = outcomes(mesh, [*["tired"] * 3, *["a"] * 50], most=4)
    assert answered_by(found) == [*["rate_limit"] * 3, *["a"] * 50]
    assert max(at for llm_id, at in mesh.calls if llm_id == "a") < 60
    assert POLICY.max_wait < took < POLICY.max_wait + 60


def test_two_llms_take_turns() -> None:
    mesh = Mesh()
    outcomes(mesh, [*["a"] * 50, *["b"] * 50], most=2)
    first = Counter(llm_id for llm_id, at in mesh.calls if at < 20)
    assert abs(first["a"] - first["b"]) <= 4
