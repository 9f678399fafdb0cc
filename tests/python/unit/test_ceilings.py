"""What admins allow at most."""

import logging
from decimal import Decimal

import pytest

from mesh_prompt_batch.ceilings import Ceilings, capped
from mesh_prompt_batch.errors import RequestError, SettingsError
from mesh_prompt_batch.messages import request_builder
from mesh_prompt_batch.plugin_settings import PluginSettings
from mesh_prompt_batch.settings import Settings
from mesh_prompt_batch.spend_rules import of_partition
from our_logs import told


def settings(**config: object) -> Settings:
    return Settings.from_config({"llm_id": "a:b", "user_column": "q", **config}, {})


def ceilings(**config: object) -> Ceilings:
    return PluginSettings.from_config(config).ceilings


def test_blank_ceilings_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asked = settings(max_concurrency=1024, fallback_llm_id="c:d")
    assert capped(asked, ceilings(max_concurrency_ceiling="", allowed_llm_ids=["", " "])) == asked
    assert not told(caplog)


def test_more_calls_at_once_than_allowed_become_as_many_as_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    few = ceilings(max_concurrency_ceiling=8.0)
    assert capped(settings(), few).run.limits.max_concurrency == 8
    assert told(caplog) == ["'Calls at once' is 8, as the plugin's settings allow no more."]
    assert capped(settings(max_concurrency=4), few).run.limits.max_concurrency == 4


@pytest.mark.parametrize(("wanted", "held"), [(None, 5), (7, 5), (5, 5), (2.5, 2.5)])
def test_no_run_spends_more_than_the_ceiling(
    wanted: float | None, held: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    within = capped(settings(spend_limit=wanted), ceilings(spend_ceiling_per_run=5))
    assert within.prices.spend_limit == Decimal(str(held))
    assert bool(told(caplog)) == (wanted is None or wanted > held)


def test_the_ceiling_of_a_run_is_that_of_a_partition_too() -> None:
    wanted = settings(spend_limit=100, partitions_of_a_build=4)
    for ceiling, held in ((30, 25), (5, 5)):
        within = capped(of_partition(wanted, "a"), ceilings(spend_ceiling_per_run=ceiling))
        assert within.prices.spend_limit == held


@pytest.mark.parametrize(
    ("config", "label"),
    [
        ({"llm_id": "c:d"}, "LLM"),
        ({"llm_id_override": "c:d"}, "LLM id as text"),
        ({"fallback_llm_id": "c:d"}, "Fallback LLM"),
    ],
)
def test_an_llm_that_is_not_allowed_is_refused_before_any_call(
    config: dict[str, object], label: str
) -> None:
    expected = f"'{label}': the plugin's admins do not allow c:d; they allow a:b, e:f."
    with pytest.raises(SettingsError, match=expected):
        capped(settings(**config), ceilings(allowed_llm_ids=["a:b", " e:f "]))


def test_a_row_s_own_llm_that_is_not_allowed_costs_its_row() -> None:
    within = capped(settings(llm_id_column="llm"), ceilings(allowed_llm_ids=["a:b"]))
    build = request_builder(within, ["q", "llm"])
    assert build(["why?", ""]).llm_id == "a:b"
    with pytest.raises(RequestError) as caught:
        build(["why?", "c:d"])
    assert caught.value.error_type == "invalid_row"
