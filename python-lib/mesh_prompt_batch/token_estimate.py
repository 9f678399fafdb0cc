"""How many tokens a request will use, learnt from those that came back."""

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.image_parts import image_urls
from mesh_prompt_batch.usage import Usage

BYTES_A_TOKEN = 4.0
UNKNOWN_ANSWER_TOKENS = 256.0
ANSWER_MARGIN = 1.5
IMAGE_TOKENS = 1_500.0
# The highest count known for one image is 48,169: eight tiles of gpt-4o-mini, at 5,667 each, and 2,833 for itself.
MOST_TOKENS_AN_IMAGE = 50_000
# Of a new figure in the mean.
WEIGHT = 0.05


class TokenEstimate:
    """Starts with four bytes a token and a usual figure for images, and corrects itself."""

    def __init__(self) -> None:
        self._bytes_a_token = BYTES_A_TOKEN
        self._image_tokens = IMAGE_TOKENS
        self._answer_tokens: float | None = None

    def of(self, request: CompletionRequest) -> float:
        """Tokens of the request and of its answer; without `max_tokens`, of an answer like the earlier ones."""
        asked = request.text_bytes() / self._bytes_a_token
        asked += len(image_urls(request)) * self._image_tokens
        most = request.parameters.get("max_tokens")
        if isinstance(most, int):
            return asked + most
        learnt = self._answer_tokens
        return asked + (UNKNOWN_ANSWER_TOKENS if learnt is None else learnt * ANSWER_MARGIN)

    def learn(self, request: CompletionRequest, usage: Usage) -> float | None:
        """Gives the tokens used, None where the provider does not tell."""
        if usage.prompt_tokens:
            self._learn_asked(request, usage.prompt_tokens)
        if usage.completion_tokens is not None:
            known = self._answer_tokens
            self._answer_tokens = (
                usage.completion_tokens
                if known is None
                else known + WEIGHT * (usage.completion_tokens - known)
            )
        return float(usage.tokens) if usage.reported else None

    def _learn_asked(self, request: CompletionRequest, tokens: int) -> None:
        images, text = len(image_urls(request)), request.text_bytes()
        if images:
            an_image = max(0.0, tokens - text / self._bytes_a_token) / images
            self._image_tokens += WEIGHT * (an_image - self._image_tokens)
        else:
            self._bytes_a_token += WEIGHT * (text / tokens - self._bytes_a_token)
