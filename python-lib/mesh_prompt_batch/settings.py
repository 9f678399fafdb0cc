"""The recipe's form, parsed once: what the rest of the package works with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.form import Form, Range
from mesh_prompt_batch.limiter import Limits
from mesh_prompt_batch.retry import RetryPolicy

LABELS = {
    "llm_id": "LLM",
    "llm_id_override": "LLM id as text",
    "system_column": "System message column",
    "user_column": "User message column",
    "temperature": "Temperature",
    "max_tokens": "Max tokens",
    "top_p": "Top p",
    "frequency_penalty": "Frequency penalty",
    "presence_penalty": "Presence penalty",
    "stop_sequences": "Stop sequences",
    "max_concurrency": "Calls at once",
    "adaptive_concurrency": "Find the right number of calls at once",
    "requests_per_minute": "Requests a minute",
    "tokens_per_minute": "Tokens a minute",
    "time_limit_minutes": "Time limit (minutes)",
    "when_stopped": "When a limit stops the run",
    "timeout_seconds": "Timeout of a call (seconds)",
    "max_retries": "Retries of a row",
    "max_wait_seconds": "Longest wait (seconds)",
    "on_failure": "When a row fails",
    "max_failure_percent": "Most failed rows (percent)",
    "row_limit": "Only the first rows",
    "columns_to_keep": "Input columns to keep",
    "output_columns": "Output columns",
    "reuse_completions": "Reuse completions",
    "keep_answers_days": "Keep answers (days)",
    "send_identical_rows_once": "Send identical rows once",
}
OUTPUT_COLUMN_SETS = ("essential", "standard", "full")
_VARIABLE = re.compile(r"\$\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class FailureLimits:
    """When failed rows end the run: at the first, or above a share of the rows decided (in percent)."""

    stop_at_first: bool = False
    max_percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`parameters` are the request's own, spelled as the API spells them; what is unset is not in them."""

    llm_id: str
    user_column: str
    system_column: str
    parameters: Mapping[str, object]
    limits: Limits
    timeout_seconds: float
    retry: RetryPolicy
    failures: FailureLimits
    row_limit: int | None
    columns_to_keep: tuple[str, ...]
    output_columns: str
    reuse_completions: str
    keep_answers_days: int
    identical_once: bool
    time_limit_minutes: float | None
    publishes_when_stopped: bool

    @classmethod
    def from_config(cls, config: Mapping[str, object], variables: Mapping[str, str]) -> "Settings":
        """Raises SettingsError for the first setting that cannot work.

        `variables` are the project's, for `${name}` in the override of the LLM.
        """
        form = Form(config, LABELS)
        return cls(
            llm_id=_llm_id(form, variables),
            user_column=_required(
                form, "user_column", "choose the column with the prompt of each row"
            ),
            system_column=form.text("system_column"),
            parameters=_request_parameters(form),
            limits=_limits(form),
            timeout_seconds=form.number("timeout_seconds", Range(0.001), 300.0),
            retry=_retry_policy(form),
            failures=FailureLimits(
                stop_at_first=form.choice("on_failure", ("keep", "stop"), "keep") == "stop",
                max_percent=form.number("max_failure_percent", Range(0, 100), 100.0),
            ),
            row_limit=form.optional_integer("row_limit", Range(1), None),
            columns_to_keep=form.texts("columns_to_keep"),
            output_columns=form.choice("output_columns", OUTPUT_COLUMN_SETS, "standard"),
            reuse_completions=form.choice(
                "reuse_completions", ("resume", "always", "never"), "resume"
            ),
            keep_answers_days=form.integer("keep_answers_days", Range(1), 30),
            identical_once=form.flag("send_identical_rows_once", default=True),
            time_limit_minutes=form.optional_number("time_limit_minutes", Range(0.001), None),
            publishes_when_stopped=form.choice("when_stopped", ("fail", "write"), "fail")
            == "write",
        )

    def check_columns(self, columns: Sequence[str]) -> None:
        """Raises SettingsError where a chosen column is not among the input's `columns`."""
        chosen = [("user_column", self.user_column), ("system_column", self.system_column)]
        chosen += [("columns_to_keep", name) for name in self.columns_to_keep]
        for parameter, name in chosen:
            if name and name not in columns:
                raise SettingsError(
                    f"'{LABELS[parameter]}': the input has no column '{name}'; it has {', '.join(columns)}."
                )

    def described(self) -> str:
        """One line for the log: no prompt and no credential is among the settings."""
        shown = {
            "LLM": self.llm_id,
            "system column": self.system_column or "none",
            "user column": self.user_column,
            **self.parameters,
            "calls at once": f"{self.limits.max_concurrency}{' at most' * self.limits.adaptive}",
            "requests a minute": self.limits.requests_per_minute or "no limit",
            "tokens a minute": self.limits.tokens_per_minute or "no limit",
            "time limit": _minutes(self.time_limit_minutes),
            "timeout": f"{self.timeout_seconds:g} s",
            "retries": self.retry.max_retries,
            "longest wait": f"{self.retry.max_wait:g} s",
            "first failed row stops": self.failures.stop_at_first,
            "most failed rows": f"{self.failures.max_percent:g} %",
            "rows": self.row_limit or "all",
            "columns kept": ", ".join(self.columns_to_keep) or "all",
            "output columns": self.output_columns,
            "reuse of completions": self.reuse_completions,
            "identical rows": "sent once" if self.identical_once else "sent each",
        }
        return "; ".join(f"{name}: {value}" for name, value in shown.items())


def _minutes(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:g} min"


def _llm_id(form: Form, variables: Mapping[str, str]) -> str:
    override = _with_variables(form.text("llm_id_override").strip(), variables)
    return (
        override
        or _required(
            form, "llm_id", f"choose one, or fill in '{LABELS['llm_id_override']}'"
        ).strip()
    )


def _with_variables(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if name not in variables:
            raise SettingsError(
                f"'{LABELS['llm_id_override']}': the project has no variable '{name}'."
            )
        return str(variables[name])

    return _VARIABLE.sub(value, text).strip()


def _required(form: Form, name: str, advice: str) -> str:
    value = form.text(name)
    if not value.strip():
        raise form.refused(name, f"is missing: {advice}")
    return value


def _request_parameters(form: Form) -> dict[str, object]:
    penalty = Range(-2, 2)
    parameters: dict[str, object] = {
        "temperature": form.optional_number("temperature", Range(0, 2), 0.0),
        "max_tokens": form.optional_integer("max_tokens", Range(1), 500),
        "top_p": form.optional_number("top_p", Range(0, 1), None),
        "frequency_penalty": form.optional_number("frequency_penalty", penalty, None),
        "presence_penalty": form.optional_number("presence_penalty", penalty, None),
        "stop": list(form.texts("stop_sequences")) or None,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def _limits(form: Form) -> Limits:
    return Limits(
        max_concurrency=form.integer("max_concurrency", Range(1, 1024), 16),
        adaptive=form.flag("adaptive_concurrency", default=True),
        requests_per_minute=form.optional_integer("requests_per_minute", Range(1), None),
        tokens_per_minute=form.optional_integer("tokens_per_minute", Range(1), None),
    )


def _retry_policy(form: Form) -> RetryPolicy:
    return RetryPolicy(
        max_retries=form.integer("max_retries", Range(0, 20), 6),
        max_wait=form.number("max_wait_seconds", Range(0), 600.0),
    )
