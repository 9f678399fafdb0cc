"""Brings each call to an LLM that can answer it: the row's own, or the fallback where that is gone, blocked or down.

An LLM that refuses every row is given up, not the run; when none is left the run stops.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from mesh_prompt_batch.completion import Call, Completion, CompletionRequest
from mesh_prompt_batch.errors import (
    CallError,
    CleanStopError,
    LlmDownError,
    LlmError,
    NoLlmLeftError,
    RunStoppedError,
)
from mesh_prompt_batch.eta import duration
from mesh_prompt_batch.gate import Gate, WentElsewhereError
from mesh_prompt_batch.limiter import Limiter
from mesh_prompt_batch.prompt_digest import shown_llm_id
from mesh_prompt_batch.timeline import Sample
from mesh_prompt_batch.traffic import Traffic

logger = logging.getLogger(__name__)


class Router:
    """One gate an LLM, opened at its first call. Used on one event loop."""

    def __init__(
        self,
        call: Call,
        traffic: Traffic,
        asked: Callable[[], Sequence[str] | None],
        fallback_llm_id: str = "",
    ) -> None:
        """`asked` gives the LLMs of all rows; None while that is not known, and so not whether one is left."""
        self._call = call
        self._traffic = traffic
        self._fallback = fallback_llm_id
        self._gates: dict[str, Gate] = {}
        self._given_up: dict[str, LlmError] = {}
        self._asked = asked

    def bound(self) -> str:
        """What keeps more calls from starting; "" where nothing does."""
        if self._traffic.reason is not None:
            return "a limit of the run"
        own = self._traffic.own.bound(self._traffic.now())
        if own:
            return own
        bounds = {llm_id: bound for llm_id, gate in self._gates.items() if (bound := gate.bound())}
        several = len(self._gates) > 1
        return ", ".join(
            f"{bound} ({shown_llm_id(it)})" if several else bound for it, bound in bounds.items()
        )

    def sample(self) -> Sample:
        """How things stand now, over all LLMs."""
        own = self._traffic.own
        limiters = [gate.limiter for gate in self._gates.values()]
        return Sample(
            own.in_flight,
            min(own.limits.max_concurrency, sum(it.concurrency for it in limiters)),
            pauses=sum(it.pauses for it in limiters),
            retreats=sum(it.retreats for it in limiters),
            left_alone=sum(it.breaker.openings for it in limiters),
        )

    async def call(self, request: CompletionRequest) -> Completion:
        """As a gate does; LlmError where the row's LLM and its fallback are given up, though others are not.

        Raises RunStoppedError where none is left.
        """
        refused = 0
        try:
            while True:
                llm_id = self._llm_for(request.llm_id)
                try:
                    completion = await self._gate(llm_id).call(_asking(request, llm_id))
                except WentElsewhereError:
                    continue
                except LlmError as error:
                    refused += 1
                    self._give_up(llm_id, error)
                else:
                    return replace(completion, attempts=refused + 1) if refused else completion
        except CallError as error:
            error.calls += refused
            raise

    def check_left(self) -> None:
        """Raises NoLlmLeftError where none is left, CleanStopError where that is because of a provider's limits."""
        asked = self._asked()
        if asked is None or not self._given_up:
            return
        if any(self._is_left(it) for it in (*asked, self._fallback) if it):
            return
        raise _stop(*next(iter(self._given_up.items())))

    def _llm_for(self, llm_id: str) -> str:
        other = self._fallback
        if self._is_left(llm_id):
            return other if self._is_better(other, llm_id) else llm_id
        if other and self._is_left(other):
            return other
        self.check_left()
        error = self._given_up[llm_id]
        raise LlmError(error.error_type, error.provider_words, status=error.status, calls=0)

    def _is_left(self, llm_id: str) -> bool:
        return llm_id not in self._given_up

    def _is_better(self, other: str, llm_id: str) -> bool:
        """Whether it can be asked while the row's own LLM only fails."""
        if not other or other == llm_id or not self._is_left(other):
            return False
        return self._gate(llm_id).is_blocked and not self._gate(other).is_blocked

    def _gate(self, llm_id: str) -> Gate:
        if llm_id not in self._gates:

            def elsewhere() -> bool:
                return not self._is_left(llm_id) or self._is_better(self._fallback, llm_id)

            limiter = Limiter(self._traffic.own)
            self._gates[llm_id] = Gate(self._call, limiter, self._traffic, elsewhere)
        return self._gates[llm_id]

    def _give_up(self, llm_id: str, error: LlmError) -> None:
        if self._is_left(llm_id):
            self._given_up[llm_id] = error
            self.check_left()
            logger.warning(
                f"{shown_llm_id(llm_id)} is given up, other LLMs go on. {_why(llm_id, error)}"
            )


def _asking(request: CompletionRequest, llm_id: str) -> CompletionRequest:
    return request if request.llm_id == llm_id else replace(request, llm_id=llm_id)


def _stop(llm_id: str, error: LlmError) -> RunStoppedError:
    if isinstance(error, LlmDownError) and error.is_limit:
        return CleanStopError(_why(llm_id, error))
    return NoLlmLeftError(_why(llm_id, error))


def _why(llm_id: str, error: LlmError) -> str:
    status = "" if error.status is None else f" (HTTP {error.status})"
    if isinstance(error, LlmDownError) and error.is_limit:
        return (
            f"The LLM has refused every call for {duration(error.seconds)} ({error}), longer than"
            " 'Longest wait (seconds)' allows: run again when its provider's limit or quota leaves room,"
            f" or allow more; the LLM was {shown_llm_id(llm_id)}."
        )
    if isinstance(error, LlmDownError):
        return f"The provider has failed every call for {duration(error.seconds)} ({error}): run again when it works."
    sentence = {
        "authentication": f"The Mesh refused the run's credentials{status}: check that you may use this LLM"
        " and may read and write this project",
        "quota": f"A quota blocks the LLM{status}: ask an admin to raise it, or wait until it is reset",
    }.get(
        error.error_type,
        f"The Mesh has no such LLM, or not for you{status}: choose another one in 'LLM'"
        " (the macro 'List available LLMs' shows them)",
    )
    return f"{sentence}; the LLM was {shown_llm_id(llm_id)}."
