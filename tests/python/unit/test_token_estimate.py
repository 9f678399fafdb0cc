"""Tokens of a request, estimated and learnt."""

import math

from simulated_run import request

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.token_estimate import IMAGE_TOKENS, TokenEstimate
from mesh_prompt_batch.usage import Usage


def test_tokens_are_estimated_and_learnt() -> None:
    estimate = TokenEstimate()
    assert estimate.of(request("x" * 400, max_tokens=10)) == 110
    assert estimate.of(request("x" * 400)) == 356
    for _ in range(200):
        assert estimate.learn(request("x" * 400), Usage(200, 20)) == 220
    assert math.isclose(estimate.of(request("x" * 400)), 230, rel_tol=0.01)
    assert estimate.learn(request("x"), Usage()) is None


def test_tokens_of_images_are_learnt_apart_from_those_of_text() -> None:
    def looking(images: int) -> CompletionRequest:
        parts = [{"type": "image_url", "image_url": {"url": "https://a"}}] * images
        text = {"type": "text", "text": "x" * 400}
        return CompletionRequest(
            "llm", ({"role": "user", "content": [text, *parts]},), {"max_tokens": 10}
        )

    estimate = TokenEstimate()
    assert estimate.of(looking(2)) == 100 + 2 * IMAGE_TOKENS + 10
    for _ in range(200):
        estimate.learn(looking(2), Usage(100 + 2 * 300, 10))
    assert math.isclose(estimate.of(looking(3)), 100 + 3 * 300 + 10, rel_tol=0.01)
    assert estimate.of(request("x" * 400, max_tokens=10)) == 110
    for _ in range(200):
        estimate.learn(looking(1), Usage(1, 10))
    assert estimate.of(looking(1)) >= 110
