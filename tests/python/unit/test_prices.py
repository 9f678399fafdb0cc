"""Money: exact, additive, never negative, and unknown where anything is."""

import logging
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.money import added, for_tokens, shown
from mesh_prompt_batch.price_settings import HIGHEST_PRICE
from mesh_prompt_batch.prices import Price, Prices, no_list_price, prices_of_run
from mesh_prompt_batch.settings import LABELS, Settings
from mesh_prompt_batch.spent import Spent
from mesh_prompt_batch.usage import NOTHING_REPORTED, Usage
from our_logs import told

INPUT, OUTPUT = "price_per_million_input_tokens", "price_per_million_output_tokens"
PRICES = st.floats(0, HIGHEST_PRICE)
TOKENS = st.integers(0, 10**12)
LISTED = Price(Decimal("2.5"), Decimal(10), listed_as="known")


def settings(**config: object) -> Settings:
    return Settings.from_config({"llm_id": "llm", "user_column": "q", **config}, {})


def stated(price_in: float, price_out: float) -> Price:
    config = {INPUT: price_in, OUTPUT: price_out}
    price = prices_of_run(settings(**config).prices, "llm", no_list_price).of("llm")
    assert price is not None
    return price


def exactly(price: Price, usage: Usage) -> Fraction:
    assert usage.prompt_tokens is not None
    assert usage.completion_tokens is not None
    in_millionths = (
        Fraction(price.input) * usage.prompt_tokens
        + Fraction(price.output) * usage.completion_tokens
    )
    return in_millionths / 1_000_000


def cost(price: Price, usage: Usage) -> Decimal:
    known = price.cost(usage)
    assert known is not None
    return known


@given(PRICES, PRICES, st.lists(st.builds(Usage, TOKENS, TOKENS), min_size=1, max_size=9))
def test_costs_are_exact_never_negative_and_add_up_however_calls_are_grouped(
    price_in: float, price_out: float, calls: list[Usage]
) -> None:
    price = stated(price_in, price_out)
    costs = [cost(price, usage) for usage in calls]
    assert [Fraction(it) for it in costs] == [exactly(price, usage) for usage in calls]
    assert min(costs) >= 0
    whole = sum(calls, NOTHING_REPORTED)
    in_sum = costs[0]
    for one in costs[1:]:
        in_sum = added(in_sum, one)
    assert in_sum == cost(price, whole)


@given(st.decimals(0, 1000, places=6), st.integers(0, 10**6))
def test_what_was_typed_is_what_is_reckoned_with(typed: Decimal, tokens: int) -> None:
    assert for_tokens(stated(float(typed), 0).input, tokens) == typed * tokens / 1_000_000


@given(st.builds(Usage, st.none() | TOKENS, st.none() | TOKENS))
def test_an_unknown_count_an_unknown_price_or_too_long_a_prompt_cost_nobody_knows_what(
    usage: Usage,
) -> None:
    known = usage.prompt_tokens is not None and usage.completion_tokens is not None
    assert (stated(1, 2).cost(usage) is not None) == known
    assert Prices({}, no_list_price).priced("llm", usage) == usage
    short = Price(Decimal(1), Decimal(1), longest_prompt=1000)
    assert (short.cost(usage) is not None) == (known and (usage.prompt_tokens or 0) <= 1000)


@given(
    st.lists(st.tuples(st.none() | st.decimals(0, 9, places=9), st.booleans()), max_size=12),
)
def test_the_sum_over_rows_has_every_known_cost_and_counts_the_others(
    rows: list[tuple[Decimal | None, bool]],
) -> None:
    spent = Spent()
    for one, answered in rows:
        spent.add(NOTHING_REPORTED if one is None else Usage(1, 1, one), answered=answered)
    known = [one for one, _ in rows if one is not None]
    assert spent.cost == (sum(known) if known else None)
    assert spent.unpriced == sum(answered for one, answered in rows if one is None)
    assert spent.tokens == 2 * len(known)


def test_one_call_of_unknown_cost_makes_its_row_s_cost_unknown() -> None:
    known, unknown = Usage(1, 1, Decimal(1)), Usage(5, 5)
    assert known + known == Usage(2, 2, Decimal(2))
    assert known + unknown == unknown + known == Usage(6, 6)
    assert known + NOTHING_REPORTED == NOTHING_REPORTED + known == known


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("0.0000004", "less than 0.000001"),
        ("0.000012", "0.000012"),
        ("0.15", "0.15"),
        ("1234.5", "1,234.50"),
        ("7E+3", "7,000.00"),
    ],
)
def test_amounts_are_shown_to_a_millionth(amount: str, text: str) -> None:
    assert shown(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, LISTED),
        ({INPUT: 1, OUTPUT: 0}, Price(Decimal(1), Decimal(0))),
        ({INPUT: 1, OUTPUT: ""}, Price(Decimal(1), Decimal(10), listed_as="known")),
        ({INPUT: None, OUTPUT: 0}, Price(Decimal("2.5"), Decimal(0), listed_as="known")),
    ],
)
def test_a_blank_price_is_the_list_s(config: dict[str, object], expected: Price) -> None:
    prices = prices_of_run(settings(**config).prices, "llm", lambda _: LISTED)
    assert prices.of("llm") == expected


@pytest.mark.parametrize(("given_one", "blank"), [(INPUT, OUTPUT), (OUTPUT, INPUT)])
def test_half_a_price_that_no_list_completes_is_refused_by_its_label(
    given_one: str, blank: str
) -> None:
    with pytest.raises(
        SettingsError, match=f"'{LABELS[blank]}' is blank .* clear '{LABELS[given_one]}'"
    ):
        prices_of_run(settings(**{given_one: 1}).prices, "llm", no_list_price)


def test_stated_prices_hold_for_the_recipe_s_llm_alone_and_each_llm_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    stated_ones = settings(**{INPUT: 1, OUTPUT: 1}).prices
    prices = prices_of_run(stated_ones, "llm", {"listed": LISTED}.get)
    for _ in range(2):
        assert prices.of("llm") == Price(Decimal(1), Decimal(1))
        assert prices.of("listed") == LISTED
        assert prices.of("other") is None
    assert told(caplog) == [
        (
            "List price assumed for listed: 2.50 in, 10.00 out, a million tokens (US dollars, listed as 'known');"
            " discounts for cached tokens are left out."
        ),
        "No price is known for other: its cost stays blank.",
    ]
