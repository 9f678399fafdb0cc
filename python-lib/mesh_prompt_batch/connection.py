"""Connections: which certificates are trusted, and why one could not be made."""

import asyncio
import ssl
from collections.abc import Iterator

from mesh_prompt_batch.errors import EndpointError


def trust(verify: bool | str) -> bool | ssl.SSLContext:  # noqa: FBT001  # as `requests` has it
    """What an HTTP client takes for `verify`: True, False, or the path of a PEM file.

    Raises EndpointError where the file cannot be read.
    """
    if isinstance(verify, bool):
        return verify
    try:
        return ssl.create_default_context(cafile=verify)
    except OSError as error:
        raise EndpointError(
            f"The certificates file {verify} cannot be read ({error.strerror or 'no PEM file'}):"
            " correct 'CA certificates file' in the plugin's settings."
        ) from None


def is_certificate_error(error: BaseException) -> bool:
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def is_refused_or_cut(error: BaseException) -> bool:
    """Whether the network failed, other than by being slow."""
    # Python 3.10 has two time-outs, and its asyncio's is no OSError.
    late = [isinstance(it, (TimeoutError, asyncio.TimeoutError)) for it in _causes(error)]
    failed = [isinstance(it, OSError) for it in _causes(error)]
    return not any(late) or any(one and not slow for one, slow in zip(failed, late, strict=True))


def is_late(error: BaseException) -> bool:
    """Whether time ran out: a disconnected server has another cause, whatever the transport calls it."""
    return any(isinstance(it, (TimeoutError, asyncio.TimeoutError)) for it in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The aiohttp transport reports failures to connect, and servers that hung up, as time-outs: causes know better."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
