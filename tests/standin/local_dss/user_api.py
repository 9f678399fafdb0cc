"""The part of DSS's public API that speaks of whoever asks: its name, its secrets, its personal keys."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from local_dss.gate import Gate
from local_dss.refusals import refused, there


@dataclass
class UserApi:
    """`gate` learns the keys that are made; keys: by id, as they were made.

    makes: whether this user may have personal keys.
    """

    gate: Gate
    secrets: Sequence[Mapping[str, str]] = ()
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    makes: bool = True

    def add_routes(self, app: web.Application, root: str) -> None:
        app.router.add_get(f"{root}/auth/info", self._auth_info)
        app.router.add_get(f"{root}/personal-api-keys/", self._list)
        app.router.add_post(f"{root}/personal-api-keys/", self._create)
        app.router.add_delete(f"{root}/personal-api-keys/{{id}}", self._delete)

    async def _auth_info(self, request: web.Request) -> web.Response:
        self.gate.check(request)
        info: dict[str, object] = {"authIdentifier": "analyst", "groups": ["data_team"]}
        if request.query.get("withSecrets", "").lower() == "true":
            info["secrets"] = [dict(it) for it in self.secrets]
        return web.json_response(info)

    async def _list(self, request: web.Request) -> web.Response:
        """What a key is, is told once: to who makes it."""
        self.gate.check(request)
        return web.json_response([{**it, "key": ""} for it in self.keys.values()])

    async def _create(self, request: web.Request) -> web.Response:
        self.gate.check(request)
        if not self.makes:
            words = "Personal API keys are for administrators"
            raise refused(403, "com.dataiku.dip.exceptions.UnauthorizedException", words)
        key = {"id": uuid.uuid4().hex[:8], "key": f"dkuaps-{uuid.uuid4().hex}"}
        made = {"createdOn": int(1_000 * time.time())}
        self.keys[key["id"]] = {**await request.json(), **key, **made}
        self.gate.keys.add(key["key"])
        return web.json_response(self.keys[key["id"]])

    async def _delete(self, request: web.Request) -> web.Response:
        self.gate.check(request)
        key_id = request.match_info["id"]
        key = there(self.keys, key_id, "API key")
        del self.keys[key_id]
        self.gate.keys.discard(key["key"])
        return web.Response(status=204)
