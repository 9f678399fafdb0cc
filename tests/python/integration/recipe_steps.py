"""The recipe on a real DSS: its rows, its resume, its settings, its failure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from integration.findings import ANSWERED, NOT_ANSWERED, Answer, Check, Finding, Step
from integration.jobs import Ran
from integration.plugin_settings import PLUGIN_ID, set_key
from integration.workspace import Workspace, place_of

ROWS = (
    {"number": "007", "note": "NA", "question": "Name one river. Answer with its name alone."},
    {"number": "1e5", "note": "null", "question": "Name one city. Answer with its name alone."},
    {"number": None, "note": "no question\ttab", "question": ""},
)
CEILING = 2
AS_READ = [{name: it or "" for name, it in row.items()} for row in ROWS]
ASKED = [it for it in ROWS if it["question"]]
# Each row once, and again without a parameter that the LLM refuses.
CALLS_A_ROW = 3


def seeds(work: Workspace) -> Iterator[Finding]:
    ran = seeded(work, "kit_seeding", {"kit_prompts": ROWS}, [*ROWS[0]])
    yield done("A code recipe writes the input", ran)


def seeded(
    work: Workspace,
    recipe: str,
    rows: Mapping[str, Sequence[Mapping[str, str | None]]],
    columns: Sequence[str],
) -> Ran:
    """Datasets of these rows, by their names."""
    made = [work.dataset(it) for it in rows]
    work.code_recipe(recipe, ["seeding"], made, rows=dict(rows), columns=columns)
    return work.build(made[0])


def prompt_batch(work: Workspace) -> Iterator[Finding]:
    outputs = {
        "completions": work.dataset("answers"),
        "failed_rows": work.dataset("failed"),
        "run_folder": work.folder("run"),
    }
    config = {
        "llm_id": work.target.llm_id,
        "messages_mode": "columns",
        "user_column": "question",
        "max_tokens": 200,
        "max_retries": 0,
        "max_concurrency": 2 * CEILING,
        "reuse_completions": "always",
        "output_columns": "full",
    }
    work.plugin_recipe("ask", config, {"messages": "kit_prompts"}, outputs)
    yield config_place(work, config)
    yield from first_run(work, work.build("answers"))


def config_place(work: Workspace, config: dict[str, object]) -> Answer:
    params = work.params("ask")
    place = place_of(config, params)
    evidence = {"keys of params": sorted(params)}
    if place is None:
        words = "nowhere in `params` as they were written"
        return Answer("recipe_config_place", words, evidence, NOT_ANSWERED)
    found = f"in `params.{place}`" if place else "in `params` itself"
    return Answer("recipe_config_place", found, evidence)


def first_run(work: Workspace, ran: Ran) -> Iterator[Finding]:
    yield done("The recipe succeeds", ran)
    if ran.state != "DONE":
        return
    rows = work.rows("answers")
    kept = [{name: row[name] or "" for name in ROWS[0]} for row in rows]
    yield Check("Every row comes out, in order, its cells untouched", kept == AS_READ)
    answered = [it["completion"] for it in rows if it["question"] and it["completion"]]
    yield Check("Every question has an answer", len(answered) == len(ASKED), f"{len(answered)}")
    types = [it["error_type"] or "" for it in rows]
    yield Check("The row without a question is kept with its error", types[-1] == "invalid_row")
    failed = len(work.rows("failed"))
    yield Check("It is in the dataset of failed rows as well", failed == 1, f"{failed} rows")
    files = work.files("run")
    yield Check("The run folder has a report", any(it.endswith("report.html") for it in files))


def second_run(work: Workspace) -> Iterator[Finding]:
    """With a ceiling that an admin set meanwhile."""
    set_key(work.client, work.removal, "max_concurrency_ceiling", CEILING, group="config")
    kept = work.client.get_plugin(PLUGIN_ID).get_settings().get_raw()
    ran = work.build("answers")
    yield settings_place(kept, ran)
    reached = CEILING_KEPT in ran.log
    seen = {} if reached else ran.evidence
    yield Check("A ceiling in the plugin's settings reaches the recipe", reached, evidence=seen)
    rows = work.rows("answers") if ran.state == "DONE" else []
    sources = [it["source"] or "" for it in rows if it["question"]]
    resumed = sources == ["resumed"] * len(ASKED)
    seen = {} if resumed else ran.evidence
    yield Check("A second run asks nothing again", resumed, why(ran), seen)


CEILING_KEPT = f"is {CEILING}, as the plugin's settings allow no more"


def settings_place(kept: Mapping[str, Any], ran: Ran) -> Answer:
    """Not answered where the recipe failed before it could tell."""
    config = kept.get("config") or {}
    stands = config.get("max_concurrency_ceiling") == CEILING
    place = "in `config`" if stands else "not in `config`, where they were written"
    seen = {"keys of the settings": sorted(kept), "keys of config": sorted(config)}
    if CEILING_KEPT in ran.log:
        return Answer("plugin_settings_place", f"{place}; they reach a recipe", seen)
    if ran.state == "DONE":
        return Answer("plugin_settings_place", f"{place}; they do not reach a recipe", seen)
    words = f"{place}; whether they reach a recipe is open, as it ended {ran.state}"
    return Answer("plugin_settings_place", words, {**seen, **ran.evidence}, NOT_ANSWERED)


def metric_ids(work: Workspace) -> Iterator[Finding]:
    raw = work.project.get_dataset("answers").get_last_metric_values().get_raw()
    ids = [it["metric"]["id"] for it in raw["metrics"]]
    ours = [it for it in ids if "prompt_batch" in it]
    yield Check("The run's figures are metrics of the output", bool(ours))
    state = ANSWERED if ours else NOT_ANSWERED
    yield Answer("metric_ids", ", ".join(ours) or "no such metric", {"all ids": ids}, state)


def variables(work: Workspace) -> Iterator[Finding]:
    """In a field where the plugin leaves `${…}` alone, so that only DSS can have resolved it."""
    kept = work.project.get_variables()
    kept["standard"]["kit_column"] = "question"
    work.project.set_variables(kept)
    config = {
        "llm_id": work.target.llm_id,
        "user_column": "${kit_column}",
        "max_tokens": 200,
        "max_retries": 0,
        "row_limit": 1,
    }
    work.plugin_recipe(
        "ask_by_variable",
        config,
        {"messages": "kit_prompts"},
        {"completions": work.dataset("answers_by_variable")},
    )
    ran = work.build("answers_by_variable")
    resolved, wrong = ran.state == "DONE", "${kit_column}"
    if resolved:
        yield Answer("variables_in_params", "resolved by DSS before the recipe sees them")
    elif wrong in ran.log:
        yield Answer("variables_in_params", "left as they are", {"job": why(ran)})
    else:
        words = "the job failed otherwise"
        yield Answer("variables_in_params", words, ran.evidence, NOT_ANSWERED)
    if resolved:
        wrong = "gone"
        work.configure("ask_by_variable", config, {**config, "user_column": wrong})
        ran = work.build("answers_by_variable")
    named = ran.state == "FAILED" and f"has no column '{wrong}'" in ran.log
    seen = {} if named else ran.evidence
    yield Check("A wrong setting fails the job and is named", named, evidence=seen)


def done(name: str, ran: Ran) -> Check:
    """With the end of the log where it failed."""
    held = ran.state == "DONE"
    return Check(name, held, why(ran), {} if held else ran.evidence)


def why(ran: Ran) -> str:
    """The state, and the exception's own line where there is one; the plugin's errors quote no prompt."""
    lines = [it for it in ran.log.splitlines() if "Error: " in it]
    return f"{ran.state}: {lines[-1][-300:]}" if lines and ran.state == "FAILED" else ran.state


STEPS = (
    Step("The input", seeds),
    Step(
        "The recipe",
        prompt_batch,
        ("recipe_config_place",),
        len(ASKED) * CALLS_A_ROW,
    ),
    Step("The recipe again", second_run, ("plugin_settings_place",), len(ASKED) * CALLS_A_ROW),
    Step("Metrics", metric_ids, ("metric_ids",)),
    Step("Variables in fields", variables, ("variables_in_params",), CALLS_A_ROW),
)
