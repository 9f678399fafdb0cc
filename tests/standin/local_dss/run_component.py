"""Inside a job's process: run a recipe or a macro as DSS does, and tell the runner how it ended."""

import json
import logging
import runpy
import sys
import traceback
from pathlib import Path

from dataiku._job import job, project
from dataiku.customrecipe import get_plugin_config, get_recipe_config
from dataiku.runnables import ResultTable, Runnable
from local_dss import leftovers, surroundings

logger = logging.getLogger(__name__)

# A name that is not "__main__": DSS promises none.
RUN_NAME = "dku_component"


def main() -> int:
    """Arguments: the component's file, and where to write how it ended."""
    component, ending = Path(sys.argv[1]), Path(sys.argv[2])
    behaviour = job().behaviour
    level = logging.getLevelName(behaviour.log_level)
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    logger.debug("The root logger is at DEBUG.")
    surroundings.arrange(behaviour)
    with leftovers.told_in(ending.with_name("left_open.json")):
        return run(component, ending)


def run(component: Path, ending: Path) -> int:
    try:
        check_partitions()
        check_inputs()
        if component.name == "recipe.py":
            runpy.run_path(str(component), run_name=RUN_NAME)
            result = None
        else:
            result = run_macro(component)
    except Exception as error:  # noqa: BLE001  # whatever it is, DSS shows it
        stack = traceback.format_exc()
        sys.stderr.write(
            f"*** Recipe code failed ***\nBegin Python stack\n{stack}End Python stack\n"
        )
        ending.write_text(json.dumps({"error": banner(error, component)}))
        return 1
    ending.write_text(json.dumps({"result": result}))
    return 0


def check_partitions() -> None:
    """What the flow refuses before any code runs."""
    described = job()
    outputs = {name for names in described.outputs.values() for name in names}
    bare = outputs.difference(described.partitioned)
    if described.partition and bare and not described.behaviour.folder_beside_partitions:
        raise RuntimeError(f"Outputs are partitioned alike: {', '.join(sorted(bare))} is not.")


def check_inputs() -> None:
    """Another thing that the flow refuses."""
    described = job()
    inputs = {name for names in described.inputs.values() for name in names}
    for name in inputs if described.behaviour.empty_inputs_refused else ():
        data = project().dataset(name, described.partition_of(name)).data
        if not data.exists() or not data.stat().st_size:
            raise RuntimeError(f"ERR_JOB_INPUT_DATASET_NOT_READY_NO_FILES: {name}")


def run_macro(path: Path) -> dict[str, object]:
    """The table or the HTML, and what the progress bar was told."""
    found = [
        it
        for it in runpy.run_path(str(path), run_name=RUN_NAME).values()
        if isinstance(it, type) and issubclass(it, Runnable) and it is not Runnable
    ]
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} classes extend Runnable in {path.name}, not one.")
    macro = found[0](job().project_key, get_recipe_config(), get_plugin_config())  # type: ignore[call-arg]  # as DSS calls it
    progress: list[int] = []
    target = macro.get_progress_target()  # type: ignore[attr-defined]  # macros have it
    returned = macro.run(progress.append)  # type: ignore[attr-defined]  # macros have it
    result_type = json.loads(path.with_name("runnable.json").read_text())["resultType"]
    shown = {"RESULT_TABLE": _table, "HTML": _html}[result_type](returned)
    return {**shown, "progress_target": target, "progress": progress}


def _table(returned: object) -> dict[str, object]:
    if not isinstance(returned, ResultTable):
        raise TypeError("The macro's resultType is RESULT_TABLE.")
    return {"name": returned.name, "columns": returned.columns, "records": returned.records}


def _html(returned: object) -> dict[str, object]:
    if not isinstance(returned, str):
        raise TypeError("The macro's resultType is HTML.")
    # DSS stores it as UTF-8.
    return {"html": returned.encode().decode()}


def banner(error: BaseException, component: Path) -> str:
    """What the job page shows above the log."""
    lines = [
        it.lineno
        for it in traceback.extract_tb(error.__traceback__)
        if it.filename == str(component)
    ]
    line = lines[-1] if lines else -1
    return f"Error in Python process: At line {line}: {type(error)}: {error}"


if __name__ == "__main__":
    sys.exit(main())
