"""From a row to its request."""

from collections.abc import Callable, Sequence

from mesh_prompt_batch.completion import CompletionRequest, Message
from mesh_prompt_batch.errors import RequestError
from mesh_prompt_batch.settings import Settings

Row = Sequence[str]


def request_builder(
    settings: Settings, columns: Sequence[str]
) -> Callable[[Row], CompletionRequest]:
    """A function from a row's cells, in the order of `columns`, to its request.

    The function raises RequestError (`invalid_row`) for a row that asks nothing or cannot be sent.
    """
    source, llm = settings.messages, settings.llm
    user = columns.index(source.user_column)
    system = columns.index(source.system_column) if source.system_column else None

    def request_from_row(row: Row) -> CompletionRequest:
        question = row[user]
        if not question.strip():
            raise RequestError("invalid_row", f"The cell in '{source.user_column}' is blank.")
        messages: tuple[Message, ...] = ({"role": "user", "content": question},)
        if system is not None and row[system].strip():
            messages = ({"role": "system", "content": row[system]}, *messages)
        request = CompletionRequest(llm.llm_id, messages, llm.parameters)
        _check_encodable(request)
        return request

    return request_from_row


def _check_encodable(request: CompletionRequest) -> None:
    for text in request.texts():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RequestError(
                "invalid_row",
                "The message holds half of a character pair (a lone surrogate), which cannot be sent.",
            ) from None
