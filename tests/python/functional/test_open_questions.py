"""Where nobody knows what Dataiku does, the recipe ends well either way: see local_dss/behaviour.py."""

import shutil

import pytest

from local_dss.behaviour import Behaviour
from local_dss.llms import ARGUMENTS
from local_flow import Flow

WITH_FOLDER = {"completions": ["answers"], "run_folder": ["run"]}
REFUSED = "refused-by-the-storage"
# More than a writer holds back: the first row reaches the output, and the last one takes the refused one there.
LONG = "x" * 5_300_000


@pytest.mark.parametrize("integers_as_floats", [True, False])
@pytest.mark.parametrize("two_credentials", [True, False])
@pytest.mark.parametrize("refuses_unsupported", [True, False])
def test_whole_numbers_credentials_and_arguments_are_right_either_way(
    flow: Flow, integers_as_floats: bool, two_credentials: bool, refuses_unsupported: bool
) -> None:
    flow.mesh.gate.two_credentials = two_credentials
    flow.mesh.refuses_unsupported = refuses_unsupported
    flow.ask("a", "b", "not asked")
    result = flow.run(
        {"max_tokens": 16, "max_concurrency": 2, "row_limit": 2, "temperature": 0},
        behaviour=Behaviour(integers_as_floats=integers_as_floats),
    )
    assert result.succeeded, result.text
    assert flow.column("completion") == ["You said: a", "You said: b"]
    for call in flow.mesh.calls:
        assert call.body.keys() <= ARGUMENTS
        assert repr(call.body["max_tokens"]) == "16"
        assert "authorization" not in call.headers


@pytest.mark.parametrize("failed_writer", ["commit", "discard"])
def test_a_writer_that_fails_half_way_is_made_good_by_the_next_run(
    flow: Flow, failed_writer: str
) -> None:
    flow.mesh.answer = lambda question: "short" if question == REFUSED else LONG
    questions = ["first", REFUSED, "last"]
    flow.ask(*questions)
    broken = Behaviour(failed_writer=failed_writer, storage_refuses=REFUSED)
    stopped = flow.run(outputs=WITH_FOLDER, behaviour=broken)
    assert "run again; all answers are in the run folder" in stopped.banner
    assert flow.column("question") == ["first"] * (failed_writer == "commit")
    assert flow.run(outputs=WITH_FOLDER, behaviour=Behaviour(failed_writer=failed_writer)).succeeded
    assert flow.column("question") == questions
    assert len(flow.mesh.calls) == 3


@pytest.mark.parametrize("failed_writer", ["commit", "discard"])
def test_an_appending_writer_that_fails_half_way_doubles_no_row(
    flow: Flow, failed_writer: str
) -> None:
    flow.defaults = {"outputs": WITH_FOLDER, "appends": ["answers"]}
    flow.ask("earlier")
    assert flow.run().succeeded
    output = flow.project.dataset("answers").folder
    shutil.copytree(output, output.with_name("kept"))
    flow.mesh.answer = lambda question: "short" if question == REFUSED else LONG
    flow.ask("first", REFUSED, "last")
    broken = Behaviour(failed_writer=failed_writer, storage_refuses=REFUSED)
    assert not flow.run(behaviour=broken).succeeded
    assert flow.column("question") == ["earlier", *["first"] * (failed_writer == "commit")]
    again = flow.run(behaviour=Behaviour(failed_writer=failed_writer))
    assert "remove them there, then delete DEMO.answers/whole/state.json" in again.banner
    shutil.rmtree(output)
    output.with_name("kept").rename(output)
    (flow.project.managed_folder("run") / "DEMO.answers/whole/state.json").unlink()
    assert flow.run().succeeded
    assert flow.column("question") == ["earlier", "first", REFUSED, "last"]
    assert len(flow.mesh.calls) == 4
