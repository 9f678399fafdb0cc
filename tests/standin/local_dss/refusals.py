"""Errors as DSS writes them: a status, the name of a Java class, a sentence."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web


def refused(status: int, error_type: str, message: str) -> web.HTTPException:
    body = {"errorType": error_type, "message": message, "detailedMessage": message}
    error: web.HTTPException = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        403: web.HTTPForbidden,
        404: web.HTTPNotFound,
    }.get(status, web.HTTPInternalServerError)(
        text=json.dumps(body), content_type="application/json"
    )
    return error


def illegal(words: str) -> web.HTTPException:
    return refused(400, "java.lang.IllegalArgumentException", words)


def not_found(what: str) -> web.HTTPException:
    return refused(404, "com.dataiku.dip.exceptions.NotFoundException", f"No {what}")


def there(known: Mapping[str, Any], name: str, kind: str) -> Any:
    """What is known by this name. Raises the error of DSS where nothing is."""
    if name not in known:
        raise not_found(f"{kind} {name}")
    return known[name]
