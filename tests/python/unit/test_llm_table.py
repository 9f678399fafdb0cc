"""What was found out about LLMs as a table."""

from decimal import Decimal

from mesh_prompt_batch.listed_llms import Llm
from mesh_prompt_batch.llm_checks import Effort, Finding
from mesh_prompt_batch.llm_table import capability_table
from mesh_prompt_batch.prices import Price, no_list_price
from mesh_prompt_batch.usage import Usage


def test_what_the_calls_cost_is_shown_where_tokens_and_price_are_known() -> None:
    calls = Effort(2, 0, Usage(30, 4))
    price = Price(Decimal(1), Decimal(5), listed_as="known")
    found = {
        "a:1": Finding("answers", answers=True, effort=calls),
        "both": Finding("answers", answers=True, effort=calls),
    }
    table = capability_table([Llm("a:1"), Llm("both")], found, {"a:1": price}.get)
    assert [row[-3:] for row in table.rows] == [["2", "34", "0.00005"], ["2", "34", ""]]
    assert table.title == (
        "4 calls, 68 tokens; 0.00005 US dollars at list prices; no cost is known of 1 of 2 LLMs"
    )
    assert capability_table([Llm("a:1")], {}, no_list_price).title == ""
