"""Tokens as Label Studio makes them, and the route that exchanges them."""

import base64
import json
import time
from collections.abc import Callable, Sequence

from tests.http_server import Answer, Asked, LocalServer, json_answer


def make_token(kind: str, *, lifetime: float = 300.0, clock_error: float = 0.0, number: int = 0) -> str:
    """Return a JSON web token with a meaningless signature."""
    now = time.time() + clock_error
    claims = {"token_type": kind, "iat": now, "exp": now + lifetime, "jti": f"{kind}-{number}"}
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def token_route(server: LocalServer, personal: str, accesses: Sequence[str]) -> Callable[[Asked], Answer]:
    """Exchange one personal token for the access tokens, one after the other; refuse every other token."""
    left = list(accesses)

    def route(asked: Asked) -> Answer:
        if asked.method != "POST" or json.loads(asked.body) != {"refresh": personal}:
            return json_answer({"detail": "Token is invalid"}, status=401)
        return json_answer({"access": left.pop(0)})

    return route
