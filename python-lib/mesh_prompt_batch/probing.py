"""Puts the probes to one LLM, one call after the other: an LLM that is asked nine things at once answers fewer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mesh_prompt_batch.capability_probes import (
    ALIVE,
    CAP,
    HONOURED,
    MAX_TOKENS,
    MOST_CALLS,
    OTHERS,
    REFUSED,
    Probe,
    ProbeAnswer,
)
from mesh_prompt_batch.errors import CallError
from mesh_prompt_batch.llm_checks import ANSWERS, Calls, Effort, Examination, Finding

# After one of these the calls that are left would only end, or wait, as this one did.
_HOPELESS = ("quota", "authentication", "timeout", "connection")


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
        for probe in (MAX_TOKENS, *OTHERS):
            try:
                verdicts[probe.column] = probe.judged(self._answer(probe))
            except CallError as error:
                refused = error.error_type == "bad_request"
                verdicts[probe.column] = REFUSED if refused else str(error)
                if error.error_type in _HOPELESS:
                    break
            if verdicts.get(MAX_TOKENS.column) == HONOURED:
                self.cap = CAP
        return verdicts

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
