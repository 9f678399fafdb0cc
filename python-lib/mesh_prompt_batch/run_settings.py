"""How a run goes: its limits, its patience, and what it takes from earlier runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from mesh_prompt_batch.form import Form, Range
from mesh_prompt_batch.own_limits import Limits
from mesh_prompt_batch.retry import RetryPolicy

LABELS = {
    "max_concurrency": "Calls at once",
    "adaptive_concurrency": "Adapt calls at once",
    "requests_per_minute": "Requests a minute",
    "tokens_per_minute": "Tokens a minute",
    "time_limit_minutes": "Time limit (minutes)",
    "when_stopped": "When a limit stops the run",
    "stream": "Stream the answers",
    "timeout_seconds": "Timeout of a call (seconds)",
    "max_retries": "Retries of a row",
    "max_wait_seconds": "Longest wait (seconds)",
    "on_failure": "When a row fails",
    "max_failure_percent": "Most failed rows (percent)",
    "reuse_completions": "Reuse completions",
    "keep_answers_days": "Keep answers (days)",
    "run_folder_id": "Run folder by its id",
    "send_identical_rows_once": "Send identical rows once",
}


@dataclass(frozen=True, slots=True)
class FailureLimits:
    """When failed rows end the run: at the first, or above a share of the rows decided (in percent)."""

    stop_at_first: bool = False
    max_percent: float = 100.0


@dataclass(frozen=True, slots=True)
class RunSettings:
    """None: no such limit."""

    limits: Limits
    stream: bool
    timeout_seconds: float
    retry: RetryPolicy
    failures: FailureLimits
    time_limit_minutes: float | None
    publishes_when_stopped: bool
    reuse_completions: str
    keep_answers_days: int
    identical_once: bool
    run_folder_id: str

    @classmethod
    def from_form(cls, form: Form) -> "RunSettings":
        reuse = ("resume", "always", "never")
        stopped = form.choice("when_stopped", ("fail", "write"), "fail")
        return cls(
            limits=_limits(form),
            stream=form.flag("stream", default=False),
            timeout_seconds=form.number("timeout_seconds", Range(0.001), 300.0),
            retry=_retry_policy(form),
            failures=FailureLimits(
                stop_at_first=form.choice("on_failure", ("keep", "stop"), "keep") == "stop",
                max_percent=form.number("max_failure_percent", Range(0, 100), 100.0),
            ),
            time_limit_minutes=form.optional_number("time_limit_minutes", Range(0.001), None),
            publishes_when_stopped=stopped == "write",
            reuse_completions=form.choice("reuse_completions", reuse, "resume"),
            keep_answers_days=form.integer("keep_answers_days", Range(1), 30),
            identical_once=form.flag("send_identical_rows_once", default=True),
            run_folder_id=form.text("run_folder_id").strip(),
        )

    def described(self) -> Mapping[str, object]:
        return {
            "calls at once": f"{self.limits.max_concurrency}{' at most' * self.limits.adaptive}",
            "requests a minute": self.limits.requests_per_minute or "no limit",
            "tokens a minute": self.limits.tokens_per_minute or "no limit",
            "time limit": _minutes(self.time_limit_minutes),
            "when a limit stops the run": "publish" if self.publishes_when_stopped else "fail",
            "streaming": self.stream,
            "timeout": f"{self.timeout_seconds:g} s",
            "retries": self.retry.max_retries,
            "longest wait": f"{self.retry.max_wait:g} s",
            "first failed row stops": self.failures.stop_at_first,
            "most failed rows": f"{self.failures.max_percent:g} %",
            "reuse of completions": self.reuse_completions,
            "answers kept": f"{self.keep_answers_days} days",
            "run folder by its id": self.run_folder_id or "none",
            "identical rows": "sent once" if self.identical_once else "sent each",
        }


def _minutes(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:g} min"


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
