"""What Label Studio's `/setup` told about each project: its labels and its settings, never its token."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backend.errors import RequestError
from backend.learning.project_key import key_from_contract
from zegclip_core.atomic_files import write_atomically

_PLAIN_ID = re.compile(r"[A-Za-z0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Project:
    """One project as Label Studio described it last.

    Attributes:
        id: the project's number in Label Studio, as text.
        label_config: the labelling configuration (XML).
        hostname: Label Studio's idea of its own address.
        extra_params: settings that the user stored with the backend (any JSON; None when unset).
        seen_at: when it was described, in seconds since 1970.
        key: tells it from projects with the same number on other servers; empty when it did not tell.

    """

    id: str
    label_config: str
    hostname: str
    extra_params: Any
    seen_at: float
    key: str = ""


def read_setup(body: Mapping[str, Any]) -> Project:
    """Read the body of `/setup`; raises `RequestError` when project or schema are missing."""
    project, schema = body.get("project"), body.get("schema")
    if project in (None, "") or not isinstance(project, str | int):
        raise RequestError("setup needs a 'project' such as \"2.1795425884\"")
    if not isinstance(schema, str):
        raise RequestError("setup needs a 'schema', the labelling configuration as text")
    hostname = body.get("hostname")
    return Project(
        id=project_number(project),
        label_config=schema,
        hostname=hostname if isinstance(hostname, str) else "",
        extra_params=body.get("extra_params"),
        seen_at=time.time(),
        key=key_from_contract(project) or "",
    )


def project_number(project: str | int) -> str:
    """Return the id in Label Studio's `"{id}.{created_at}"`."""
    return str(project).split(".", 1)[0]


class ProjectStore:
    """One JSON file for each project, replaced as a whole.

    Args:
        folder: where the files lie; made when missing.

    """

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder

    def save(self, project: Project) -> None:
        """Write a project's description; an unchanged one is not written again."""
        known = self.find(project.id)
        told = (project.label_config, project.extra_params, project.key)
        if known and (known.label_config, known.extra_params, known.key) == told:
            return
        write_atomically(self._path(project.id), json.dumps(asdict(project)).encode())

    def find(self, project_id: str) -> Project | None:
        """Return a project's last description, or None."""
        path = self._path(project_id)
        return Project(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def all(self) -> list[Project]:
        """Return every known project, the one seen last first."""
        files = self.folder.glob("*.json") if self.folder.is_dir() else ()
        projects = [Project(**json.loads(path.read_text(encoding="utf-8"))) for path in files]
        return sorted(projects, key=lambda project: -project.seen_at)

    def _path(self, project_id: str) -> Path:
        plain = _PLAIN_ID.fullmatch(project_id)
        name = project_id if plain else hashlib.sha256(project_id.encode()).hexdigest()[:24]
        return self.folder / f"{name}.json"
