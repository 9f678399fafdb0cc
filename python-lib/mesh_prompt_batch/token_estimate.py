"""How many tokens a request will use, learnt from those that came back."""

from mesh_prompt_batch.completion import CompletionRequest
from mesh_prompt_batch.usage import Usage

BYTES_A_TOKEN = 4.0
UNKNOWN_ANSWER_TOKENS = 256.0
ANSWER_MARGIN = 1.5
# Of a new figure in the mean.
WEIGHT = 0.05


class TokenEstimate:
    """Starts with four bytes a token, and corrects itself."""

    def __init__(self) -> None:
        self._bytes_a_token = BYTES_A_TOKEN
        self._answer_tokens: float | None = None

    def of(self, request: CompletionRequest) -> float:
        """Tokens of the request and of its answer; without `max_tokens`, of an answer like the earlier ones."""
        asked = _bytes(request) / self._bytes_a_token
        most = request.parameters.get("max_tokens")
        if isinstance(most, int):
            return asked + most
        learnt = self._answer_tokens
        return asked + (UNKNOWN_ANSWER_TOKENS if learnt is None else learnt * ANSWER_MARGIN)

    def learn(self, request: CompletionRequest, usage: Usage) -> float | None:
        """Gives the tokens used, None where the provider does not tell."""
        if usage.prompt_tokens:
            ratio = _bytes(request) / usage.prompt_tokens
            self._bytes_a_token += WEIGHT * (ratio - self._bytes_a_token)
        if usage.completion_tokens is not None:
            known = self._answer_tokens
            self._answer_tokens = (
                usage.completion_tokens
                if known is None
                else known + WEIGHT * (usage.completion_tokens - known)
            )
        if not usage.reported:
            return None
        return float((usage.prompt_tokens or 0) + (usage.completion_tokens or 0))


def _bytes(request: CompletionRequest) -> int:
    return sum(len(text.encode()) for text in request.texts())
