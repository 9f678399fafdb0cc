"""Who may call the local DSS: tickets, API keys and project permissions."""

import base64
from dataclasses import dataclass, field

from aiohttp import web

from local_dss.refusals import illegal, refused

_JAVA = "com.dataiku.dip.exceptions"


@dataclass
class Gate:
    """`keys` and `tickets` are those accepted.

    mesh_refuses_tickets: the status with which the OpenAI-compatible route alone answers a good ticket; None where it
    accepts it. projects: keys beside `project_key`. two_credentials: whether a ticket and an Authorization header
    may come together.
    """

    project_key: str = "DEMO"
    tickets: set[str] = field(default_factory=lambda: {"ticket-of-the-job"})
    keys: set[str] = field(default_factory=lambda: {"dku-personal-key"})
    mesh_refuses_tickets: int | None = None
    two_credentials: bool = False
    readable: bool = True
    writable: bool = True
    projects: set[str] = field(default_factory=set)

    def check(self, request: web.Request, *, mesh: bool = False, writes: bool = False) -> None:
        """Raises the HTTP error that DSS would answer with."""
        self._check_credential(request, mesh=mesh)
        project = request.match_info.get("project")
        allowed = self.readable and (self.writable or not (mesh or writes))
        if project is not None and (
            project not in {self.project_key, *self.projects} or not allowed
        ):
            raise refused(
                403, f"{_JAVA}.UnauthorizedException", "Failed to read project permissions"
            )

    def _check_credential(self, request: web.Request, *, mesh: bool) -> None:
        ticket = request.headers.get("X-DKU-APITicket")
        authorization = request.headers.get("Authorization")
        if ticket is not None:
            # Looked at first: a good key beside a bad ticket does not help.
            if ticket not in self.tickets:
                raise _unknown_ticket()
            if authorization is not None and not self.two_credentials:
                raise illegal("Two credentials given")
            if mesh and self.mesh_refuses_tickets is not None:
                raise _no_tickets_here(self.mesh_refuses_tickets)
            return
        if authorization is None:
            raise refused(401, f"{_JAVA}.NotAuthenticatedException", "No API key given")
        if _key(authorization) not in self.keys:
            raise refused(401, f"{_JAVA}.NotAuthenticatedException", "Unknown API Key")


def _unknown_ticket() -> web.HTTPException:
    return refused(500, f"{_JAVA}.CodedException", "Ticket not given or unrecognized")


def _no_tickets_here(status: int) -> web.HTTPException:
    if status == 500:
        return _unknown_ticket()
    return refused(status, f"{_JAVA}.NotAuthenticatedException", "An API key is needed")


def _key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme == "Basic":
        return base64.b64decode(value).decode().partition(":")[0]
    return value if scheme == "Bearer" else ""
