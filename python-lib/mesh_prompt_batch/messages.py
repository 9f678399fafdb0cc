"""From a row to its request."""

from collections.abc import Callable, Sequence

from mesh_prompt_batch.completion import CompletionRequest, Message
from mesh_prompt_batch.conversation import conversation
from mesh_prompt_batch.errors import invalid_row
from mesh_prompt_batch.image_parts import with_images
from mesh_prompt_batch.looked_up_images import images_of
from mesh_prompt_batch.message_settings import Conversations, WrittenMessages
from mesh_prompt_batch.row_llm import row_llm
from mesh_prompt_batch.settings import Settings

Row = Sequence[str]
MessagesFromRow = Callable[[Row], tuple[Message, ...]]


def request_builder(
    settings: Settings, columns: Sequence[str]
) -> Callable[[Row], CompletionRequest]:
    """A function from a row's cells, in the order of `columns`, to its request.

    The function raises RequestError (`invalid_row`) for a row that asks nothing or cannot be sent. Where there is an
    image column it expects one more cell, which `images.py` adds.
    """
    messages_from_row = _messages_from(settings.messages.source, columns)
    llm_of_row = row_llm(settings.llm, columns)
    images = columns.index(settings.images.column) if settings.images.column else None

    def request_from_row(row: Row) -> CompletionRequest:
        llm_id, parameters = llm_of_row(row)
        request = CompletionRequest(llm_id, messages_from_row(row), parameters)
        _check_encodable(request)
        if images is not None:
            request = with_images(request, images_of(row[images], row[len(columns)]))
        return settings.format.applied(request)

    return request_from_row


def _messages_from(
    source: WrittenMessages | Conversations, columns: Sequence[str]
) -> MessagesFromRow:
    if isinstance(source, Conversations):
        place = columns.index(source.column)
        return lambda row: conversation(row[place])
    return _written(source, columns)


def _written(source: WrittenMessages, columns: Sequence[str]) -> MessagesFromRow:
    system, user = source.system.filler(columns), source.user.filler(columns)

    def messages_from_row(row: Row) -> tuple[Message, ...]:
        instructions, question = system(row), user(row)
        if not question.strip():
            raise invalid_row(_nothing_asked(source.user.columns))
        messages: tuple[Message, ...] = (*source.examples, {"role": "user", "content": question})
        if instructions.strip():
            messages = ({"role": "system", "content": instructions}, *messages)
        return messages

    return messages_from_row


def _nothing_asked(columns: Sequence[str]) -> str:
    names = ", ".join(f"'{name}'" for name in columns)
    return f"The user message is blank, as {'each of ' * (len(columns) > 1)}{names} is blank."


def _check_encodable(request: CompletionRequest) -> None:
    for text in (request.llm_id, *request.texts()):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise invalid_row(
                "The message or the LLM id holds half of a character pair (a lone surrogate), which cannot be sent."
            ) from None
