"""User and password that a project's image hosts ask for (Label Studio: task data credentials)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """One user with a password, which no `repr` shows.

    Attributes:
        login: the user's name.
        password: the user's password.

    """

    login: str
    password: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """Return the Authorization header (RFC 7617, UTF-8)."""
        pair = f"{self.login}:{self.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def as_json(self) -> dict[str, str]:
        """Return what `read_credentials` reads, for a job's payload."""
        return {"login": self.login, "password": self.password}


def read_credentials(params: object, *, prefix: str = "") -> BasicCredentials | None:
    """Read `login` and `password` of a predict request's `params`, or a project's `task_data_…` fields.

    Args:
        params: a JSON object; anything else means no credentials.
        prefix: comes before both names.

    """
    fields: Mapping[str, Any] = params if isinstance(params, Mapping) else {}
    login, password = fields.get(f"{prefix}login"), fields.get(f"{prefix}password")
    if not isinstance(login, str) or not login:
        return None
    return BasicCredentials(login, password if isinstance(password, str) else "")
