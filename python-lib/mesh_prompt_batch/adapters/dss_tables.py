"""The tables of macros as DSS shows them."""

from dataiku.runnables import ResultTable
from mesh_prompt_batch.table import Table


def result_table(table: Table) -> ResultTable:
    """Every cell is text, to be shown as it is."""
    result = ResultTable()
    if table.title:
        result.set_name(table.title)
    for column_id, label in table.columns.items():
        result.add_column(column_id, label, "STRING")
    for row in table.rows:
        result.add_record(row)
    return result
