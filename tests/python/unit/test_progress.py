"""The log's lines on where a run stands: when they come."""

import asyncio
import contextlib
from pathlib import Path

import virtual_time

from fakes import FakeCalls
from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.engine import Asking, Engine
from mesh_prompt_batch.own_limits import Limits, OwnLimits
from mesh_prompt_batch.retry import RetryPolicy
from mesh_prompt_batch.run_settings import FailureLimits
from mesh_prompt_batch.run_store import RunStore
from mesh_prompt_batch.totals import Totals


def test_pauses_double_from_a_second_to_half_a_minute(tmp_path: Path) -> None:
    times: list[float] = []

    class Timed(Engine):
        def __init__(self, store: RunStore) -> None:
            asking = Asking(
                calls=FakeCalls(),
                request_from_row=lambda row: CompletionRequest("llm", (), {}),
                answering=lambda complete, request: complete(request),
                retry=RetryPolicy(),
                failures=FailureLimits(),
                limits=Limits(1),
                llm_ids=None,
            )
            super().__init__(asking, store, Totals(), lambda: None)
            self._own = OwnLimits(asking.limits)
            # Asked when a line is written.
            self._bounds = [self._told]

        def _told(self) -> str:
            times.append(asyncio.get_running_loop().time())
            return ""

        async def report_for(self, seconds: float) -> None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._report(), seconds)

    with RunStore(tmp_path) as store:
        virtual_time.run(Timed(store).report_for(125))
    assert times == [1, 3, 7, 15, 31, 61, 91, 121]
