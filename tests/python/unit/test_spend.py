"""The spend limit: what calls may cost is reserved, and never more than there is."""

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_time import run

from fakes import answered
from mesh_prompt_batch.completion import Completion, CompletionRequest
from mesh_prompt_batch.errors import LimitReachedError, RequestError, SettingsError, TransientError
from mesh_prompt_batch.gate import Gate
from mesh_prompt_batch.limiter import Limiter
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.prices import Price, Prices, no_list_price
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spend import Spend, Verdict
from mesh_prompt_batch.spend_marks import Mark, newest_mark
from mesh_prompt_batch.spend_rules import of_partition
from mesh_prompt_batch.spending import Spending, worst_prompt_tokens
from mesh_prompt_batch.token_estimate import MOST_TOKENS_AN_IMAGE
from mesh_prompt_batch.traffic import Traffic
from mesh_prompt_batch.usage import Usage

MONEY = st.decimals(0, 100, places=3)
UNIT = Price(Decimal(1_000_000), Decimal(1_000_000))


def request(text: str = "q", **parameters: object) -> CompletionRequest:
    sent = {"max_tokens": 10, **parameters}
    return CompletionRequest("llm", ({"role": "user", "content": text},), sent)


@given(
    MONEY,
    st.lists(st.tuples(MONEY, st.one_of(st.none(), st.decimals(0, 1, places=2))), max_size=60),
    st.randoms(use_true_random=False),
)
def test_what_is_spent_and_reserved_stays_granted_and_what_is_granted_within_the_limit(
    limit: Decimal, calls: list[tuple[Decimal, Decimal | None]], drawn: random.Random
) -> None:
    spend, open_calls = Spend(limit), list[tuple[Decimal, Decimal | None]]()
    for reservation, share in calls:
        verdict = spend.verdict(reservation)
        if verdict is Verdict.MUST_BE_GRANTED:
            spend.grant(spend.next_grant(reservation))
            verdict = spend.verdict(reservation)
            assert verdict is Verdict.FITS
        if verdict is Verdict.FITS:
            spend.reserve(reservation)
            open_calls.append((reservation, share))
        else:
            assert spend.spent + spend.reserved + reservation > limit
            assert (verdict is Verdict.NEVER) == (not spend.reserved)
        while open_calls and drawn.random() < 0.4:
            ended, part = open_calls.pop(drawn.randrange(len(open_calls)))
            spend.settle(ended, None if part is None else ended * part)
        assert spend.spent + spend.reserved <= spend.granted <= limit
    for ended, _ in open_calls:
        spend.settle(ended, None)
    assert spend.reserved == 0


@given(st.floats(0, 1e9), st.integers(1, 100_000))
def test_partitions_together_never_have_more_than_the_spend_limit(
    limit: float, partitions: int
) -> None:
    wanted = {"spend_limit": limit, "partitions_of_a_build": partitions}
    whole = Settings.from_config({"llm_id": "llm", "user_column": "q", **wanted}, {})
    assert of_partition(whole, "") == whole
    own = of_partition(whole, "a").prices.spend_limit
    assert own is not None
    assert Decimal(repr(limit)) - Decimal("1e-6") <= own * partitions <= Decimal(repr(limit))


def test_a_partition_whose_part_nobody_can_tell_is_refused_and_the_field_is_named() -> None:
    limited = Settings.from_config({"llm_id": "llm", "user_column": "q", "spend_limit": 5}, {})
    with pytest.raises(
        SettingsError, match=r"'Spend limit' cannot be held.*'Partitions of a build'"
    ):
        of_partition(limited, "a")
    unlimited = Settings.from_config({"llm_id": "llm", "user_column": "q"}, {})
    assert of_partition(unlimited, "a") == unlimited


@given(st.text(), st.integers(1, 1000))
def test_the_worst_case_counts_every_byte_and_all_of_max_tokens(text: str, most: int) -> None:
    spending = Spending(Spend(Decimal(1)), Prices({"llm": UNIT}, no_list_price), lambda _: None)
    asked = request(text, max_tokens=most)
    assert spending.reservation(asked) == worst_prompt_tokens(asked) + most
    assert worst_prompt_tokens(asked) >= len(text.encode(errors="surrogatepass")) + len("user")


def test_images_are_bounded_and_those_behind_a_url_have_no_bound() -> None:
    def with_image(url: str) -> CompletionRequest:
        parts = [
            {"type": "text", "text": "what is it?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
        return CompletionRequest("llm", ({"role": "user", "content": parts},), {"max_tokens": 1})

    sent = worst_prompt_tokens(with_image("data:image/png;base64," + "A" * 10_000))
    assert MOST_TOKENS_AN_IMAGE < sent < MOST_TOKENS_AN_IMAGE + 1_000
    for address in ("https://example.com/a.png", "HTTPS://example.com/a.png", "gs://bucket/a.png"):
        with pytest.raises(RequestError) as caught:
            worst_prompt_tokens(with_image(address))
        assert caught.value.error_type == "invalid_row"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": "https://example.com/a.png"},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ],
)
def test_what_a_conversation_names_beside_texts_and_images_has_no_bound(
    part: dict[str, object],
) -> None:
    asked = ({"role": "user", "content": [{"type": "text", "text": "sum up"}, part]},)
    with pytest.raises(RequestError, match="invalid_row"):
        worst_prompt_tokens(CompletionRequest("llm", asked, {"max_tokens": 1}))


@pytest.mark.parametrize(
    "asked",
    [
        CompletionRequest("unknown", ({"role": "user", "content": "q"},), {"max_tokens": 1}),
        request(max_tokens=None),
        CompletionRequest("short", ({"role": "user", "content": "q" * 50},), {"max_tokens": 1}),
    ],
)
def test_a_row_whose_cost_has_no_bound_is_not_asked(asked: CompletionRequest) -> None:
    short = Price(Decimal(1), Decimal(1), longest_prompt=20)
    prices = Prices({"llm": UNIT, "short": short}, no_list_price)
    with pytest.raises(RequestError, match="invalid_row") as caught:
        Spending(Spend(Decimal(1)), prices, lambda _: None).reservation(asked)
    assert caught.value.calls == 0


Answer = Callable[[], Completion | Exception]


def paid_calls(limit: int, answer: Answer, calls: int, at_once: int) -> tuple[Spend, int, str]:
    """Many calls through a gate; the spend, how many were made, and why it ended."""
    made = 0

    async def call(asked: CompletionRequest) -> Completion:
        nonlocal made
        made += 1
        await asyncio.sleep(random.Random(made).random())
        found = answer()
        if isinstance(found, Exception):
            raise found
        return found

    async def main() -> tuple[Spend, int, str]:
        loop = asyncio.get_running_loop()
        spend = Spend(Decimal(limit))

        def claim(total: Decimal) -> None:
            loop.call_later(0.3, recorded, total)

        spending = Spending(spend, Prices({"llm": UNIT}, no_list_price), claim)

        def recorded(total: Decimal) -> None:
            spend.grant(total)
            traffic.changed()

        own = OwnLimits(Limits(at_once, adaptive=False))
        traffic = Traffic(own, 600, now=loop.time, spending=spending)
        gate = Gate(call, Limiter(own), traffic)

        async def one() -> None:
            try:
                await gate.call(request())
            except (LimitReachedError, TransientError):
                assert spend.spent + spend.reserved <= spend.granted <= limit

        await asyncio.gather(*[one() for _ in range(calls)])
        return spend, made, str(traffic.reason or "")

    return run(main())[0]


def worth(cost: int | None) -> Completion:
    usage = Usage() if cost is None else Usage(cost, 0, Decimal(cost))
    done = answered("fine")
    return Completion(done.text, "stop", usage, "llm", 0.1, raw=done.raw)


def test_calls_wait_for_one_another_and_the_run_stops_when_the_next_does_not_fit() -> None:
    """A call reserves some 90, and costs 3."""
    spend, made, reason = paid_calls(1000, lambda: worth(3), 2000, 64)
    most = worst_prompt_tokens(request()) + 10
    assert made == spend.spent / 3
    assert 1000 - most < spend.spent <= 1000
    assert "'Spend limit' (1,000.00) has no room for the next call" in reason
    assert "raise it and run again" in reason


def test_calls_without_usage_count_as_the_most_that_they_can_cost() -> None:
    reservation = worst_prompt_tokens(request()) + 10
    for answer in (lambda: worth(None), lambda: TransientError("timeout", "")):
        spend, made, _ = paid_calls(1000, answer, 100, 4)
        assert made == 1000 // reservation
        assert spend.spent == made * reservation


def test_the_newest_mark_counts_and_names_that_tell_nothing_are_passed_over() -> None:
    first = Mark().next(Decimal("0.1"))
    second = first.next(Decimal("0.0000000000001"))
    names = [second.name("e"), first.name("e"), "spent/e/notes.txt", "spent/e/000009-0.5"]
    assert newest_mark(names) == second
    assert second.total == Decimal("1e-12")
    assert newest_mark([]) == Mark()
