"""What admins allow at most, of recipes and of macros."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from mesh_prompt_batch.errors import SettingsError
from mesh_prompt_batch.money import shown
from mesh_prompt_batch.price_settings import PriceSettings
from mesh_prompt_batch.prompt_digest import shown_llm_id
from mesh_prompt_batch.settings import LABELS, Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """None, or no ids: no ceiling."""

    max_concurrency: int | None = None
    spend_per_run: Decimal | None = None
    allowed_llm_ids: tuple[str, ...] = ()

    def allows(self, llm_id: str) -> bool:
        return not self.allowed_llm_ids or llm_id in self.allowed_llm_ids

    def calls_at_once(self, wanted: int) -> int:
        return min(wanted, self.max_concurrency or wanted)

    def check_llms(self, label: str, llm_ids: Iterable[str]) -> None:
        """Raises SettingsError for the first that is not allowed."""
        for llm_id in llm_ids:
            if not self.allows(llm_id):
                raise SettingsError(
                    f"'{label}': the plugin's admins do not allow {shown_llm_id(llm_id)};"
                    f" they allow {', '.join(self.allowed_llm_ids)}."
                )


NO_CEILINGS = Ceilings()


def capped(settings: Settings, ceilings: Ceilings) -> Settings:
    """`settings` within the ceilings, what changed said in the log. Raises SettingsError for an LLM not allowed."""
    llm, limits = settings.llm, settings.run.limits
    ceilings.check_llms(LABELS[llm.llm_field], [llm.llm_id])
    ceilings.check_llms(LABELS["fallback_llm_id"], filter(None, [llm.fallback_llm_id]))
    most = ceilings.calls_at_once(limits.max_concurrency)
    if most < limits.max_concurrency:
        logger.info(
            f"'{LABELS['max_concurrency']}' is {most}, as the plugin's settings allow no more."
        )
    return replace(
        settings,
        llm=replace(llm, allowed_llm_ids=ceilings.allowed_llm_ids),
        run=replace(settings.run, limits=replace(limits, max_concurrency=most)),
        prices=_capped_prices(settings.prices, ceilings.spend_per_run),
    )


def _capped_prices(prices: PriceSettings, ceiling: Decimal | None) -> PriceSettings:
    if ceiling is None or (prices.spend_limit is not None and prices.spend_limit <= ceiling):
        return prices
    logger.info(
        f"'{LABELS['spend_limit']}' is {shown(ceiling)}, as the plugin's settings allow no more."
    )
    return replace(prices, spend_limit=ceiling)
