"""What a recipe must have so that its spend can be held to a limit; refused before any call."""

import logging
from dataclasses import replace

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.listed_llms import is_plain_llm
from mesh_prompt_batch.money import part, shown
from mesh_prompt_batch.prices import Prices
from mesh_prompt_batch.settings import LABELS, Settings

logger = logging.getLogger(__name__)


def of_partition(settings: Settings, partition: str) -> Settings:
    """With the part of the spend limit that a run of one partition has. Raises SettingsError where nobody can tell it.

    Parts are fixed beforehand: then no partition has to know of the others, and none spends what another one may.
    """
    limit = settings.prices.spend_limit
    if not partition or limit is None:
        return settings
    if settings.prices.partitions is None:
        raise _refused(
            f"the output has partitions, and Dataiku does not say how many are built: fill in"
            f" '{LABELS['partitions_of_a_build']}', by which the limit is divided"
        )
    own = part(limit, settings.prices.partitions)
    logger.info(
        f"'{LABELS['spend_limit']}' of this partition is {shown(own)}: {shown(limit)} are divided by"
        f" {settings.prices.partitions} partitions."
    )
    return replace(settings, prices=replace(settings.prices, spend_limit=own))


def check_spend_limit(settings: Settings, prices: Prices) -> None:
    """Raises SettingsError where the cost of a call would have no bound."""
    if settings.prices.spend_limit is None:
        return
    if settings.llm.parameters.get("max_tokens") is None:
        raise _refused(
            f"'{LABELS['max_tokens']}' is blank, so an answer may cost anything: fill it in"
        )
    for parameter, llm_id in (
        (settings.llm.llm_field, settings.llm.llm_id),
        ("fallback_llm_id", settings.llm.fallback_llm_id),
    ):
        if llm_id:
            _check_llm(parameter, llm_id, prices)


def _check_llm(parameter: str, llm_id: str, prices: Prices) -> None:
    label = LABELS[parameter]
    if not is_plain_llm(llm_id):
        raise _refused(
            f"'{label}' is an agent or a retrieval LLM, which makes calls of its own: choose a plain LLM"
        )
    if prices.of(llm_id) is None:
        fields = f"'{LABELS['price_per_million_input_tokens']}' and '{LABELS['price_per_million_output_tokens']}'"
        is_fallback = parameter == "fallback_llm_id"
        advice = "choose another one" if is_fallback else f"fill in {fields}"
        raise _refused(f"no price is known for '{label}': {advice}")


def _refused(why: str) -> SettingsError:
    return SettingsError(f"'{LABELS['spend_limit']}' cannot be held: {why}, or clear the limit.")
