"""What tells one project from all others, also from one with the same number on another Label Studio.

Label Studio names a project `"{id}.{created_at}"` in `/setup` and `/predict`. The moment of its creation
stays when the server moves to another address, and differs between servers: it is part of the key, the
address is not.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_KEY = re.compile(r"\d+-\d+")


def key_from_contract(project: str | int) -> str | None:
    """Read the `project` of a setup or predict body; None when it does not tell the moment of creation."""
    key = str(project).replace(".", "-", 1)
    return key if _KEY.fullmatch(key) else None


def key_from_api(project: Mapping[str, Any]) -> str:
    """Return the same key from the API's project object (`id`, `created_at` in ISO form)."""
    created = datetime.fromisoformat(str(project["created_at"]))
    return f"{project['id']}-{int(created.timestamp())}"


def number_of(key: str) -> int:
    """Return the project's number in Label Studio."""
    return int(key.split("-", 1)[0])
