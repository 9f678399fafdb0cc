"""What a Spark job will do, settled on the driver: its columns in and out, and all that a task has to know."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from mesh_prompt_batch.errors import RunStoppedError, SettingsError
from mesh_prompt_batch.form import quoted
from mesh_prompt_batch.output import Column, planned_output
from mesh_prompt_batch.run_id import new_run_id
from mesh_prompt_batch.settings import LABELS, Settings
from mesh_prompt_batch.spark_endpoint import SparkEndpoint
from mesh_prompt_batch.version import VERSION

# Part of the form alone.
_OF_THE_FORM = ("show_advanced",)


@dataclass(frozen=True, slots=True)
class SparkPlan:
    """`kept`: input columns that go along; `texts`: those whose cells come once more, as text, behind them.

    `read`: the columns that a row's request is made of; `positions`: where their texts are. `added`: our columns, as
    the output names them. `run`, `started`: of the call of `complete`, whose actions and attempts are one run.
    """

    config: Mapping[str, object] = field(repr=False)
    endpoint: SparkEndpoint
    kept: tuple[str, ...]
    texts: tuple[str, ...]
    read: tuple[str, ...]
    positions: tuple[int, ...]
    added: tuple[Column, ...]
    row_limit: int | None
    run: str = field(default_factory=new_run_id)
    started: float = field(default_factory=time.time)
    version: str = VERSION

    def settings(self) -> Settings:
        """Of a task, which sees the columns `read` alone. Raises RunStoppedError on another version."""
        if self.version != VERSION:
            raise RunStoppedError(
                f"The driver has version {self.version} of mesh_prompt_batch, an executor {VERSION}:"
                " give both the same."
            )
        whole = Settings.from_config(self.config, {})
        output = replace(whole.output, columns_to_keep=(), row_limit=None)
        return replace(whole, output=output)


def planned_job(
    columns: Sequence[Column], config: Mapping[str, object], endpoint: Mapping[str, object]
) -> SparkPlan:
    """`columns`: the input's, with Spark's types. Raises SettingsError for what cannot work, before any task starts."""
    _check_names(config)
    settings = Settings.from_config(config, {})
    _check_spend_limit(settings)
    names = [str(it["name"]) for it in columns]
    _check_columns(names)
    plan = planned_output(columns, settings)
    kept = tuple(plan.read[it] for it in plan.kept)
    # A task counts its rows by the cells it reads, so it reads some.
    wanted = settings.read_columns() or {kept[0]}
    read = tuple(name for name in names if name in wanted)
    as_they_are = {str(it["name"]) for it in columns if it["type"] == "string"} & {*kept}
    texts = tuple(name for name in read if name not in as_they_are)
    places = {name: at for at, name in enumerate(kept) if name in as_they_are}
    places |= {name: at for at, name in enumerate(texts, len(kept))}
    return SparkPlan(
        dict(config),
        SparkEndpoint.from_dict(endpoint),
        kept,
        texts,
        read,
        tuple(places[name] for name in read),
        plan.schema[len(kept) :],
        settings.output.row_limit,
    )


def _check_names(config: Mapping[str, object]) -> None:
    """A form cannot misspell a parameter, code can."""
    known = (*LABELS, *_OF_THE_FORM)
    for name in config:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            perhaps = f", perhaps '{near[0]}'" if near else ""
            raise SettingsError(f"There is no parameter {quoted(str(name))}{perhaps}.")


def _check_spend_limit(settings: Settings) -> None:
    if settings.prices.spend_limit is not None:
        raise SettingsError(
            f"'{LABELS['spend_limit']}' cannot be held in a Spark job, whose tasks know nothing of one another's spend:"
            f" leave it out, and set '{LABELS['row_limit']}' or a quota on the LLM's connection."
        )


def _check_columns(names: Sequence[str]) -> None:
    if not names:
        raise SettingsError("The DataFrame has no columns.")
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise SettingsError(
                f"The DataFrame has two columns named {quoted(name)}: rename one of them."
            )
        seen.add(name.casefold())
