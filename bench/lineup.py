"""Who runs, in which environment, over how many rows."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.venv import VenvError, venv_python

from bench.measure import Prepared
from bench.peer import Peer
from bench.recipe_job import RecipeJob, Setup
from bench.stub import BenchError, Stub

FEWEST_ROWS = 200
QUICK_SHARE = 20


@dataclass(frozen=True, slots=True)
class Contender:
    """`rows` by latency in ms: a latency that is missing is not run. `packages`: whose versions are reported.

    With a `setup` (whose rows do not count) it is the recipe, else a module of contenders/.
    """

    name: str
    title: str
    environment: str
    packages: tuple[str, ...]
    rows: Mapping[int, int]
    setup: Setup | None = None

    def rows_at(self, latency_ms: int, *, quick: bool) -> int:
        rows = self.rows.get(latency_ms, 0)
        return min(rows, max(FEWEST_ROWS, rows // QUICK_SHARE)) if quick else rows

    def python(self) -> Path:
        """Raises BenchError where the packages cannot be installed."""
        try:
            return venv_python(self.environment)
        except VenvError as error:
            raise BenchError(str(error)) from error

    def prepare(self, stub: Stub, rows: int, directory: Path) -> Prepared:
        if self.setup is not None:
            return RecipeJob(stub.host, replace(self.setup, rows=rows), directory)
        module = f"bench.contenders.{self.name}"
        return Peer(module, self.python(), stub.base_url, rows, directory)

    def versions(self) -> str:
        code = (
            "import sys; from importlib.metadata import version;"
            "print(', '.join(f'{name} {version(name)}' for name in sys.argv[1:]))"
        )
        command = [str(self.python()), "-c", code, *self.packages]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


RECIPE, BARE = "recipe", "bare_post"
TYPED = {0: 20_000, 50: 10_000}
OURS = {0: 20_000, 50: 20_000, 200: 20_000}
LATENCIES = tuple(OURS)
# The recipe and what its targets compare it with get 20,000 rows at 0 ms; slow peers get fewer.
LINEUP = (
    Contender(
        RECIPE,
        "**the recipe, whole process**",
        "dss",
        ("openai", "aiohttp", "pandas"),
        OURS,
        Setup(0),
    ),
    Contender(BARE, "bare `client.post` on aiohttp", "dss", ("openai", "aiohttp"), OURS),
    Contender(
        "typed_aiohttp", "typed `create()`, async on aiohttp", "dss", ("openai", "aiohttp"), TYPED
    ),
    Contender("typed_default", "typed `create()`, async", "dss", ("openai",), TYPED),
    Contender("typed_threads", "typed `create()`, 64 threads", "dss", ("openai",), TYPED),
    Contender(
        "langchain_abatch",
        "LangChain `abatch`",
        "bench",
        ("langchain-openai", "langchain-core", "openai"),
        {0: 20_000, 50: 5_000},
    ),
    Contender(
        "litellm_window",
        "LiteLLM `acompletion`",
        "bench-litellm",
        ("litellm", "openai", "aiohttp"),
        {0: 3_000, 50: 2_000},
    ),
    Contender(
        "curator_llm",
        "Bespoke Curator",
        "bench-curator",
        ("bespokelabs-curator", "litellm", "openai", "aiohttp"),
        {0: 5_000, 50: 3_000},
    ),
)
