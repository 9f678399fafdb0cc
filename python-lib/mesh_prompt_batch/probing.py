"""Puts the probes to one LLM, one call after the other: an LLM that is asked nine things at once answers fewer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mesh_prompt_batch.capability_probes import (
    ALIVE,
    CAP_TOKENS,
    HONOURED,
    MAX_TOKENS,
    MOST_CALLS,
    OTHERS,
    REFUSED,
    RENAMED_MAX_TOKENS,
    Probe,
    ProbeAnswer,
)
from mesh_prompt_batch.errors import CallError
from mesh_prompt_batch.llm_checks import ANSWERS, Calls, Effort, Examination, Finding

# After one of these the calls that are left would only end, or wait, as this one did.
_HOPELESS = ("quota", "authentication", "timeout", "connection")


class _HopelessError(Exception):
    def __init__(self, column: str, words: str) -> None:
        super().__init__(words)
        self.column, self.words = column, words


@dataclass(slots=True)
class _Examination:
    llm_id: str
    calls: Calls
    made: Callable[[], None]
    cap: Mapping[str, object] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)
    usage_reported: dict[bool, bool] = field(default_factory=dict)

    def finding(self) -> Finding:
        started = time.monotonic()
        try:
            self._answer(ALIVE)
        except CallError as error:
            return Finding(str(error), answers=False, effort=self.effort)
        latency = time.monotonic() - started
        verdicts = self._verdicts()
        verdicts[ALIVE.column] = _usage(self.usage_reported)
        return Finding(
            ANSWERS, answers=True, latency_seconds=latency, verdicts=verdicts, effort=self.effort
        )

    def _verdicts(self) -> dict[str, str]:
        verdicts: dict[str, str] = {}
        try:
            verdicts[MAX_TOKENS.column] = self._limit()
            for probe in OTHERS:
                verdicts[probe.column] = self._verdict(probe)
        except _HopelessError as error:
            verdicts[error.column] = error.words
        return verdicts

    def _limit(self) -> str:
        """By which name the LLM takes a limit of tokens; the calls that follow are bounded by it."""
        for probe in (MAX_TOKENS, RENAMED_MAX_TOKENS):
            (name,) = probe.parameters
            found = self._verdict(probe)
            if found == HONOURED:
                self.cap = {name: CAP_TOKENS}
                return HONOURED if probe is MAX_TOKENS else f"as {name}"
            if found != REFUSED:
                return found if probe is MAX_TOKENS else REFUSED
        return REFUSED

    def _verdict(self, probe: Probe) -> str:
        """Raises _HopelessError where it is no use to ask on."""
        try:
            return probe.judged(self._answer(probe))
        except CallError as error:
            if error.error_type in _HOPELESS:
                raise _HopelessError(probe.column, str(error)) from None
            return REFUSED if error.error_type == "bad_request" else str(error)

    def _answer(self, probe: Probe) -> ProbeAnswer:
        request = probe.request(self.llm_id, self.cap)
        try:
            if probe.streamed:
                answer = ProbeAnswer.of_stream(*self.calls.stream(request))
            else:
                answer = ProbeAnswer.of(self.calls.ask(request))
        except CallError:
            self.effort = self.effort.with_refused_call()
            raise
        finally:
            self.made()
        self.effort = self.effort.with_call(answer.usage)
        self.usage_reported.setdefault(probe.streamed, answer.usage.reported)
        return answer


def _usage(reported: Mapping[bool, bool]) -> str:
    """`reported` by whether the call was streamed."""
    whole, streamed = reported.get(False, False), reported.get(True)
    if whole:
        return "not when streamed" if streamed is False else "reported"
    return "when streamed" if streamed else "not reported"


def _capabilities(llm_id: str, calls: Calls, made: Callable[[], None]) -> Finding:
    return _Examination(llm_id, calls, made).finding()


CAPABILITY_CHECK = Examination(MOST_CALLS, _capabilities)
