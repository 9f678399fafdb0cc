"""The simulation of many partitions: what goes in comes out, and two ways of reckoning agree."""

import random
from dataclasses import replace

import pytest
from bench.scale.activity import DONE, Found
from bench.scale.figures import Folder, Machine, Provider, Scenario, Told
from bench.scale.fluid import Fluid
from bench.scale.leases import LeaseFolder, LeaseWorld
from bench.scale.provider import most_in_a_minute
from bench.scale.report import folder_load
from bench.scale.row_by_row import RowByRow
from bench.scale.saving import SavingProfile, objects_found, profile_of
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from mesh_prompt_batch.part_list import FAN_IN, MOST_FOUND
from mesh_prompt_batch.saver import LONGEST_INTERVAL_SECONDS

pytestmark = pytest.mark.simulation

MACHINE = Machine(1.0, 2.0, 0.05, 0.07, container_seconds=5.0, rebuilt_after=20.0)
LIMITED = Scenario(
    "limited",
    600,
    4,
    MACHINE,
    Provider(latency=0.5),
    at_once=16,
    requests_per_minute=600,
    tokens_per_minute=10_000_000,
    size_spread=0.2,
)
TROUBLED = replace(LIMITED, kills_an_hour=60.0, provider=Provider(0.5, outages=((20.0, 30.0),)))


def streams(scenario: Scenario, seed: int) -> Told:
    return Fluid(scenario, profile_of(scenario), seed).run()


def test_a_seed_tells_all() -> None:
    assert streams(TROUBLED, 1) == streams(TROUBLED, 1)
    assert streams(TROUBLED, 1) != streams(TROUBLED, 2)
    assert RowByRow(TROUBLED, 1).run() == RowByRow(TROUBLED, 1).run()


@given(st.integers(0, 2**20), st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 60))
def test_partitions_hold_all_rows(seed: int, spread: float, partitions: int) -> None:
    sizes = replace(LIMITED, rows=10_000, partitions=partitions, size_spread=spread).sizes(seed)
    assert len(sizes) == partitions
    assert sum(sizes) == 10_000
    assert min(sizes) >= 0


@given(st.integers(0, 2**20))
@example_settings(max_examples=15, deadline=None)
def test_rows_done_and_rows_to_do_are_all_rows_and_what_is_paid_beyond_was_lost(seed: int) -> None:
    fluid = Fluid(TROUBLED, profile_of(TROUBLED), seed)
    told = fluid.run()
    assert all(it.state == DONE and it.answered == it.rows for it in fluid.activities)
    assert told.calls == pytest.approx(TROUBLED.rows + told.paid_twice, abs=0.01)
    # An activity is in one state at a time, from the first second until it is done.
    assert sum(told.bounds.values()) <= TROUBLED.partitions * told.seconds + 1e-6
    assert told.most_a_minute <= 600 + 1e-6


@pytest.mark.parametrize("seed", [1, 2])
def test_row_by_row_every_call_is_a_row_or_was_lost_in_a_kill(seed: int) -> None:
    simulation = RowByRow(TROUBLED, seed)
    told = simulation.run()
    assert told.kills > 0
    assert simulation.failed == 0
    assert told.calls == TROUBLED.rows + told.paid_twice


@pytest.mark.parametrize("scenario", [LIMITED, replace(TROUBLED, kills_an_hour=0.0)])
def test_streams_take_as_long_as_single_rows(scenario: Scenario) -> None:
    exact = RowByRow(scenario, 1).run()
    assert streams(scenario, 1).seconds == pytest.approx(exact.seconds, rel=0.1)
    assert exact.most_a_minute <= 1.05 * 600


def test_a_limit_that_is_not_told_is_shared_by_those_that_want_it() -> None:
    scenario = replace(
        LIMITED,
        rows=10_000,
        requests_per_minute=None,
        tokens_per_minute=None,
        provider=Provider(0.5, bears=20),
        size_spread=0.0,
    )
    told = Fluid(scenario, profile_of(scenario), 1, Found(used=0.5, refused=0.1)).run()
    expected = 10_000 / (0.5 * 20 / scenario.provider.mean_latency)
    assert told.asked_seconds == pytest.approx(expected, abs=10.0)
    assert told.refused == pytest.approx(1_000, rel=0.01)


@given(st.integers(1, 12), st.sampled_from([0.02, 0.1]), st.integers(0, 3))
@example_settings(max_examples=20, deadline=None)
def test_shares_that_are_settled_stay_as_they_are_so_their_clock_may_stand_still(
    runs: int, request_seconds: float, killed: int
) -> None:
    worlds = [
        LeaseWorld(LeaseFolder(Folder(request_seconds)), stands_still=still)
        for still in (True, False)
    ]
    shares = []
    for world in worlds:
        keepers = [world.join(f"p{it}", replaces=False) for it in range(runs)]
        for _ in range(200):
            world.run(0.5)
        assert world.settled
        dead, living = keepers[: min(killed, runs - 1)], keepers[min(killed, runs - 1) :]
        for keeper in dead:
            world.kill(keeper)
        for _ in range(200):
            world.run(0.5)
            assert sum(map(world.share, living)) <= 1.0
        shares.append([world.share(it) for it in living])
    assert shares[0] == shares[1]
    assert worlds[0].now < worlds[1].now == 200.0


@pytest.mark.parametrize("rate", [3.0, 300.0])
@pytest.mark.parametrize("request_seconds", [0.02, 0.1, 1.0])
def test_what_is_not_saved_is_never_older_than_an_interval_and_its_uploads(
    rate: float, request_seconds: float
) -> None:
    profile = SavingProfile.of(rate, 600.0, Folder(request_seconds), 500.0)
    drawn = random.Random(1)
    oldest = max(profile.unsaved_seconds(drawn) for _ in range(500))
    # Beside its own upload one chore may have begun, or a beat.
    assert 0.0 < oldest <= LONGEST_INTERVAL_SECONDS + 6 * request_seconds + 1 / rate
    assert max(profile.objects) <= 4 * FAN_IN
    assert profile.objects_after(0) == 0
    assert profile.objects_after(len(profile.objects)) == profile.objects[-1]


def test_few_objects_are_left_alone_and_many_become_few() -> None:
    assert objects_found(MOST_FOUND, 1e6) == MOST_FOUND
    assert objects_found(60, 1e6) == 1
    assert objects_found(60, 5e8) == 30
    # More than is uploaded in a moment stays as it is.
    assert objects_found(60, 1e9) == 60


def test_the_busiest_minute_is_found() -> None:
    assert most_in_a_minute([]) == 0
    assert most_in_a_minute([0.0, 1.0, 59.0, 60.0, 61.0, 200.0]) == 3


def test_a_folder_is_asked_more_by_more_partitions_and_lists_by_their_square() -> None:
    def load(partitions: int) -> tuple[float, float]:
        told = {
            "partitions": partitions,
            "upload_every": 0.5,
            "limit_a_minute": 60.0,
            "request_seconds": 0.01,
        }
        return folder_load(told, 30.0 * partitions)

    (few, few_names), (many, many_names) = load(2), load(20)
    assert many == pytest.approx(10 * few)
    assert many_names == pytest.approx(100 * few_names)
