"""The only import of genai_prices: list prices of known models, offline, and when a match is trusted.

The list matches loosely (by beginnings of names), which would price models that it has never seen. A match counts only
where the name, but for marks of its release, is one that the list spells out, and in no other version. Agents, custom
LLMs, local models and deployments that carry a name of their own have no list price.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from mesh_prompt_batch.prices import Price

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

# The first part of an LLM id, and who sets the price there.
_PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "bedrock": "aws",
    "vertex": "google",
    "mistral": "mistral",
    "mistralai": "mistral",
    "cohere": "cohere",
}
# A date, a numbered revision, Bedrock's version: releases of one model.
_RELEASE = re.compile(r"([-@]20\d{2}-?[01]\d-?[0-3]\d|-latest|-00\d|-v\d+|:\d+)$")
_VERSION = re.compile(r"-v\d+(?=(:\d+)?$)")
# Where Bedrock answers from.
_REGION = re.compile(r"^(global|regional|us-gov|us|eu|apac|jp|au|in|ca)\.")
# Beside tokens, what else a call may be billed for whatever it asks.
_BILLED_OTHERWISE = ("requests_kcount", "input_mchars", "output_mchars")


def list_price(llm_id: str) -> Price | None:
    """Of an LLM id `provider:connection:model`; None where the model is not recognised beyond doubt."""
    provider, _, rest = llm_id.partition(":")
    name = rest.partition(":")[2].lower()
    if provider not in _PROVIDERS or not name:
        return None
    model = _model(_PROVIDERS[provider], name)
    return None if model is None else _price(model)


def _model(provider_id: str, name: str) -> "ModelInfo | None":
    # Here, as few runs need it: with its data it takes some 50 ms.
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    models = [it for one in get_snapshot().providers if one.id == provider_id for it in one.models]
    model = next((it for it in models if it.is_match(name)), None)
    if model is None:
        return None
    spelt = [it.lower() for it in (model.id, *_texts(model.match))]
    return model if _is_release_of(name, spelt) else None


def _is_release_of(name: str, spelt: Sequence[str]) -> bool:
    versions = {version.group() for it in spelt if (version := _VERSION.search(it))}
    version = _VERSION.search(name)
    if version is not None and version.group() not in versions:
        return False
    return _without_release(name) in map(_without_release, spelt)


def _price(model: "ModelInfo") -> Price | None:
    prices = model.get_prices(datetime.now(timezone.utc))
    asked, answered = _flat(prices, "input_mtok"), _flat(prices, "output_mtok")
    if asked is None or answered is None or any(it in vars(prices) for it in _BILLED_OTHERWISE):
        return None
    return Price(asked, answered, _longest_prompt(prices), listed_as=model.id)


def _flat(prices: "ModelPrice", kind: str) -> Decimal | None:
    """Up to the first tier, where there are tiers."""
    price = vars(prices).get(kind)
    price = getattr(price, "base", price)
    return price if isinstance(price, Decimal) else None


def _longest_prompt(prices: "ModelPrice") -> int | None:
    tiered = (vars(prices).get(kind) for kind in ("input_mtok", "output_mtok"))
    starts = [tier.start for price in tiered for tier in getattr(price, "tiers", ())]
    return min(starts, default=None)


def _texts(clause: object) -> Iterator[str]:
    """All that a rule of the list spells out."""
    for part in vars(clause).values():
        if isinstance(part, str):
            yield part
        else:
            for inner in part:
                yield from _texts(inner)


def _without_release(name: str) -> str:
    bare = _REGION.sub("", name)
    while (shorter := _RELEASE.sub("", bare)) != bare:
        bare = shorter
    return bare
