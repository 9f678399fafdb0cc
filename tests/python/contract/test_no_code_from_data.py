"""No shipped line can run what it reads: what Python offers for that is not there to be called."""

import ast
import re
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from scripts.build_plugin import ROOT, shipped_files

from mesh_prompt_batch import MeshClient
from mesh_prompt_batch.adapters.dss_credentials import DSSClient, _session_verify
from mesh_prompt_batch.endpoint import Endpoint

SOURCES = [it for it in shipped_files() if it.suffix == ".py"]
# What makes code or objects of bytes, starts processes, or reaches the network past the one client.
FORBIDDEN_IMPORTS = {
    *("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "jsonpickle", "xml"),
    *("subprocess", "multiprocessing", "pty", "ctypes", "cffi", "code", "codeop", "runpy", "imp"),
    *("urllib.request", "http", "ftplib", "smtplib", "telnetlib", "socket", "requests", "jinja2"),
}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "__import__", "breakpoint", "os.system", "os.popen", "os.fork"),
    *("importlib.import_module", "load_extension", "enable_load_extension", "extractall"),
    *("ssl._create_unverified_context", "tempfile.mktemp", "format_map"),
}
FORBIDDEN_STARTS = ("os.exec", "os.spawn", "os.posix_spawn")
QUERIES = {"execute", "executemany", "executescript"}


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(module: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module) if isinstance(node, ast.Call))


def is_forbidden(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    # `re.compile` makes no code.
    bare = {"eval", "exec", "compile"} if name != "re.compile" else set()
    return (
        name in FORBIDDEN_CALLS or last in (FORBIDDEN_CALLS - {"compile"}) | bare
    ) or name.startswith(FORBIDDEN_STARTS)


def test_the_watch_sees_what_it_forbids() -> None:
    module = ast.parse("import pickle\nfrom os import system\nbuiltins.eval('1')\nre.compile('a')")
    assert set(imported(module)) == {"pickle", "os", "os.system"}
    assert [is_forbidden(it) for it in calls(module)] == [True, False]
    assert len(SOURCES) > 100


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_nothing_that_runs_data_is_imported_or_called(path: Path) -> None:
    module = tree(path)
    whole = {name for name in imported(module) if name.partition(".")[0] in FORBIDDEN_IMPORTS}
    assert not whole
    assert not {it for it in imported(module) if it in FORBIDDEN_IMPORTS | {"os.system"}}
    assert not [ast.unparse(it) for it in calls(module) if is_forbidden(it)]


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_value_is_put_into_the_text_of_a_query(path: Path) -> None:
    """Queries are constants, or made of constants: what is not is an argument of `execute`."""
    module = tree(path)
    constants = {
        target.id
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.JoinedStr):
            text = ast.unparse(node.value).upper()
            if any(word in text for word in ("SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE ")):
                held = {
                    ast.unparse(it.value)
                    for it in ast.walk(node.value)
                    if isinstance(it, ast.FormattedValue)
                }
                assert held <= constants
    for call in calls(module):
        if ast.unparse(call.func).rpartition(".")[2] in QUERIES:
            query = call.args[0]
            of_tables = (
                isinstance(query, ast.Attribute) and ast.unparse(query.value) == "run_tables"
            )
            assert of_tables or isinstance(query, (ast.Constant, ast.Name)), ast.unparse(call)


def test_certificates_are_checked_unless_the_instance_tells_its_jobs_not_to() -> None:
    text = "\n".join((ROOT / it).read_text("utf-8") for it in SOURCES)
    assert not re.findall(r"verify\s*=\s*False|CERT_NONE|check_hostname|_create_unverified", text)
    assert Endpoint("https://127.0.0.1", "a key").verify is True
    assert signature(MeshClient).parameters["verify"].default is True
    said = [
        SimpleNamespace(),
        *(SimpleNamespace(_session=SimpleNamespace(verify=it)) for it in (None, True, False)),
    ]
    assert [_session_verify(cast("DSSClient", it)) for it in said] == [True, True, True, False]
