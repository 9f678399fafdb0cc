"""Connections: which certificates are trusted, and why one could not be made."""

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
    return any(
        isinstance(cause, OSError) and not isinstance(cause, TimeoutError)
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The aiohttp transport reports every failure to connect as a time-out: only its causes know better."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
