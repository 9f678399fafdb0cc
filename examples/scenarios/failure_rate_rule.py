"""A data quality rule (type Python) for an output of Prompt batch: how many rows failed, in percent.

Paste it into the dataset's rules, or checks before Dataiku 13, and set the two numbers.
"""

WARN_ABOVE = 1.0
FAIL_ABOVE = 5.0


def process(last_values, dataset, partition_id):
    rows = measured(last_values, "prompt_batch_rows")
    failed = measured(last_values, "prompt_batch_failed")
    if not rows or failed is None:
        return "ERROR", "There are no figures of a run of Prompt batch."
    percent = 100 * failed / rows
    found = f"{failed:.0f} of {rows:.0f} rows failed ({percent:.1f} %)"
    if percent > FAIL_ABOVE:
        return "ERROR", f"{found}, more than {FAIL_ABOVE:g} %."
    if percent > WARN_ABOVE:
        return "WARNING", f"{found}, more than {WARN_ABOVE:g} %."
    return "OK", f"{found}."


def measured(last_values, name):
    """The metric's last value, whatever kind of metric it is; None where there is none."""
    for metric_id, value in last_values.items():
        if metric_id.rpartition(":")[2] == name:
            return float(value.get_value())
    return None
