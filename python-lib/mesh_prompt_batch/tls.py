"""Certificates: which ones are trusted, and how to tell that one was not."""

import ssl

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


def is_certificate_error(error: BaseException | None) -> bool:
    """Some transports report it as a time-out: only the chain of causes knows better."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
