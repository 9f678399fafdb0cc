"""The macros and a scenario on a real DSS, and what the instance tells of them."""

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from dataikuapi.dss.scenario import DSSScenarioRun
from dataikuapi.utils import DataikuException

from integration.findings import Answer, Check, Finding, KitError, Step
from integration.jobs import Ran
from integration.plugin_settings import PLUGIN_ID
from integration.recipe_steps import ASKED, CALLS_A_ROW, seeded
from integration.workspace import Workspace, code

PROBES_AN_LLM = 10
MOST_LLMS = 2
MARKUP = "<b>x</b>"
NO_LLM = "openai:kit-no-such-connection:no-such-model"


def listing(work: Workspace) -> Iterator[Finding]:
    """The filter may find LLMs whose ids only begin alike: they would be asked and paid too."""
    found = work.project.list_llms()
    entry = next((it for it in found if it["id"] == work.target.llm_id), None)
    if entry is None:
        raise KitError("LLM_ID is not among the LLMs that this key may use in a new project.")
    keys = sorted({key for it in found for key in it})
    yield Answer(
        "llm_list", ", ".join(keys), {"types": sorted({str(it.get("type")) for it in found})}
    )
    alike = [
        it
        for it in found
        if work.target.llm_id.casefold() in " ".join(map(str, it.values())).casefold()
    ]
    probed = len(alike) <= MOST_LLMS
    config = {"name_filter": work.target.llm_id, "required_llm_ids": [work.target.llm_id]}
    table = work.macro("list-llms", {**config, "probe_capabilities": probed})
    records = {row[0]: row for row in table["records"]}
    row = records.get(work.target.llm_id, [])
    yield Check("list-llms shows the LLM", bool(row), " | ".join(map(str, row)))


def failing_macro(work: Workspace) -> Iterator[Finding]:
    found, words, status = failure(work)
    in_status = NO_LLM in status
    fails = found.startswith("an error") or in_status
    yield Check("A required LLM that is missing fails the macro", fails, words[:300])
    if in_status:
        found += "; the run's status names what is missing"
    yield Answer("macro_failure", found, {"status": status[:600], "words": words[:300]})


def failure(work: Workspace) -> tuple[str, str, str]:
    """What DSS makes of it, its words, the run's status: all three are DSS's choice."""
    status = "none: it did not start"
    try:
        macro, run, told = work.macro_run("list-llms", {"required_llm_ids": [NO_LLM]})
        status = json.dumps(told)
        table = macro.get_result(run, as_type="json")
    except DataikuException as error:
        named = "with" if NO_LLM in str(error) else "without"
        return f"an error, {named} the macro's own sentence", str(error), status
    except ValueError as error:
        return "a result that is no JSON, and no error", str(error), status
    return "no error: a result like any other", json.dumps(table), status


def asking_less(work: Workspace) -> Iterator[Finding]:
    ask = work.recipes["ask"].id
    forecast = work.macro("forecast", {"recipe_name": ask, "calls": 0})
    yield Check("forecast foretells the recipe's next run", bool(forecast.get("records")))
    page = work.macro("try-rows", {"recipe_name": ask, "rows": 1}, as_type="string")
    yield Check("try-rows shows messages and answers", "<" in page and "river" in page)


def markup(work: Workspace) -> Iterator[Finding]:
    """By a column's name: the forecast tells which cell of a row is blank."""
    rows = ({"number": "1", MARKUP: "Name one river."}, {"number": "2", MARKUP: None})
    ran = seeded(work, "kit_markup_rows", {"kit_markup": rows}, [*rows[0]])
    ran.must_be("DONE", f"A dataset with a column `{MARKUP}` could not be written")
    work.plugin_recipe(
        "ask_markup",
        {"llm_id": work.target.llm_id, "user_column": MARKUP, "max_tokens": 200},
        {"messages": "kit_markup"},
        {"completions": work.dataset("answers_markup")},
    )
    table = work.macro("forecast", {"recipe_name": work.recipes["ask_markup"].id, "calls": 0})
    cells = [str(cell) for record in table["records"] for cell in record]
    plain = [it for it in cells if MARKUP in it]
    escaped = [it for it in cells if html.escape(MARKUP) in it]
    if not plain and not escaped:
        raise KitError("The forecast's table does not name the column of the blank cell.")
    words = "as it is" if plain else "escaped"
    yield Answer(
        "html_in_table",
        f"the API gives such a cell {words}; what a page makes of it: look at this",
        {"cells": plain or escaped},
    )


def scenario(work: Workspace) -> Iterator[Finding]:
    variable = "kit_steps"
    steps = [
        step("runnable", "LLMs", macro("list-llms", {"required_llm_ids": [work.target.llm_id]})),
        step(
            "custom_python", "Look back", {"script": code(["looking_back"], {"variable": variable})}
        ),
        step("build_flowitem", "Build", build("answers")),
    ]
    ended = work.scenario("kit_good", steps)
    yield ended_as("A scenario of macro, Python and build succeeds", "SUCCESS", ended, work)
    seen = work.project.get_variables()["standard"].get(variable)
    if seen is None:
        raise KitError("The Python step of the scenario left nothing.", log_of(ended, work))
    told = [it for it in seen["steps"] if any(it.values())]
    yield Answer(
        "macro_result_in_steps",
        f"{'yes' if told else 'no'}, by `get_previous_steps_outputs()`; variables that begin with"
        f" `step`: {', '.join(seen['variables']) or 'none'}",
        seen,
    )


def failing_scenario(work: Workspace) -> Iterator[Finding]:
    steps = [
        step("runnable", "LLMs", macro("list-llms", {"required_llm_ids": [NO_LLM]})),
        step("build_flowitem", "Build", build("answers")),
    ]
    ended = work.scenario("kit_bad", steps)
    ran = [it.get("step", {}).get("name", "") for it in ended.get_details().steps]
    yield ended_as("A missing LLM fails a scenario", "FAILED", ended, work)
    yield Check("… and nothing is built", "Build" not in ran, ", ".join(ran))


def ended_as(name: str, outcome: str, ended: DSSScenarioRun, work: Workspace) -> Check:
    held = ended.outcome == outcome
    return Check(name, held, ended.outcome, {} if held else log_of(ended, work))


def log_of(ended: DSSScenarioRun, work: Workspace) -> Mapping[str, object]:
    """Its end, or why it cannot be read."""
    try:
        log = work.target.clean(str(ended.get_log()))
    except DataikuException as error:
        log = f"no log: {error}"
    return Ran(ended.outcome, log, {}).evidence


def step(kind: str, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """As DSS writes them; the examples are checked against the same keys."""
    return {
        "type": kind,
        "name": name,
        "enabled": True,
        "alwaysShowComment": False,
        "runConditionType": "RUN_IF_STATUS_MATCH",
        "runConditionStatuses": ["SUCCESS", "WARNING"],
        "runConditionExpression": "",
        "resetScenarioStatus": False,
        "delayBetweenRetries": 10,
        "maxRetriesOnFail": 0,
        "params": {"proceedOnFailure": False, **params},
    }


def macro(name: str, config: Mapping[str, object]) -> dict[str, Any]:
    kind = f"pyrunnable_{PLUGIN_ID}_{name}"
    return {"runnableType": kind, "config": dict(config), "adminConfig": {}}


def build(dataset: str) -> dict[str, Any]:
    item = {"type": "DATASET", "itemId": dataset, "partitionsSpec": ""}
    return {"builds": [item], "jobType": "NON_RECURSIVE_FORCED_BUILD"}


def core_packages(work: Workspace) -> Iterator[Finding]:
    try:
        env = work.client.get_code_env("PYTHON", work.code_env).get_definition()
    except DataikuException as error:
        raise KitError(f"The code env cannot be read with this key: {str(error)[:200]}") from None
    wanted = {
        key: [it for it in str(env.get(key) or "").splitlines() if it.strip()]
        for key in ("mandatoryPackageList", "actualPackageList")
    }
    desc = env.get("desc") or {}
    chosen = [
        it
        for it in wanted["actualPackageList"]
        if it.split("=")[0] in ("pandas", "numpy", "openai")
    ]
    yield Answer(
        "core_packages",
        f"{desc.get('pythonInterpreter')}, set {desc.get('corePackagesSet')}: {', '.join(chosen)}",
        {"keys": sorted(env), **wanted},
    )


STEPS = (
    Step("The macro list-llms", listing, ("llm_list",), PROBES_AN_LLM * MOST_LLMS),
    Step("A macro that fails", failing_macro, ("macro_failure",)),
    Step("The macros forecast and try-rows", asking_less, (), CALLS_A_ROW),
    Step("HTML in a macro's table", markup, ("html_in_table",)),
    Step("A scenario", scenario, ("macro_result_in_steps",), len(ASKED) * CALLS_A_ROW),
    Step("A scenario that fails", failing_scenario),
    Step("The code env", core_packages, ("core_packages",)),
)
