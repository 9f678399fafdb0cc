"""A macro's table as DSS gets it."""

from mesh_prompt_batch.adapters.dss_tables import result_table
from mesh_prompt_batch.table import Table


def test_columns_and_cells_keep_their_order_and_text() -> None:
    table = Table({"id": "LLM id", "n": "Calls"}, [["a:b", "007"], ["c", ""]], "Two LLMs")
    result = result_table(table)
    assert result.name == "Two LLMs"
    assert [(it["name"], it["label"], it["type"]) for it in result.columns] == [
        ("id", "LLM id", "STRING"),
        ("n", "Calls", "STRING"),
    ]
    assert result.records == [["a:b", "007"], ["c", ""]]


def test_a_table_without_a_title_has_no_name() -> None:
    assert result_table(Table({"id": "LLM id"}, [])).name is None
