"""Where the benchmarks find the local Dataiku."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/standin"))
