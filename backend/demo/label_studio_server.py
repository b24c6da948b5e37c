"""A Label Studio of one's own on this machine: started, logged in to, given a token, ended."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import requests

from backend.errors import BackendError
from backend.label_studio.origin import LabelStudioOrigin
from zegclip_core.atomic_files import write_atomically

EMAIL = "demo@example.com"
PASSWORD = "zegclip-demo"
_START_SECONDS = 900
_STOP_SECONDS = 15
_TIMEOUT = (5, 60)
_LOG_LINES = 15
# Offline, and without the two checks that keep Label Studio 1.23 from calling a backend on this machine.
_ENVIRONMENT = {
    "COLLECT_ANALYTICS": "False",
    "LATEST_VERSION_CHECK": "False",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "ML_BLOCK_LOCAL_IP": "false",
    "SSRF_PROTECTION_ENABLED": "false",
}


class LabelStudioServerError(BackendError):
    """Label Studio does not start or does not let us in."""


class LabelStudioServer:
    """One Label Studio process with its own data folder; a context manager.

    Args:
        program: the `label-studio` executable of an environment of its own.
        folder: its database, uploads, log and the token; kept for the next start.
        port: where it listens, on this machine only.
        environment: more variables for the process.

    """

    def __init__(
        self, *, program: Path, folder: Path, port: int, environment: Mapping[str, str] | None = None
    ) -> None:
        # The process runs in its own folder, where a relative path would lead nowhere.
        self.program = program.absolute()
        self.folder = folder
        self.port = port
        self.url = f"http://localhost:{port}"
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.folder / "label-studio.log"

    def start(self) -> None:
        """Start and wait until it answers; the first start makes the database and takes up to a minute.

        Raises `LabelStudioServerError` with its last words.
        """
        if not self.program.exists():
            raise LabelStudioServerError(
                f"no Label Studio at {self.program}: run `make demo`, which installs it"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(self.program), "start", "--no-browser", "--internal-host", "127.0.0.1"]
        variables = {
            **_clean_environment(),
            **_ENVIRONMENT,
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder),
            "LABEL_STUDIO_USERNAME": EMAIL,
            "LABEL_STUDIO_PASSWORD": PASSWORD,
            **self._environment,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                cwd=self.folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started = time.monotonic()
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - started > _START_SECONDS:
                self.stop()
                raise LabelStudioServerError(
                    f"Label Studio did not start:\n{self._last_words()}\n(all of it: {self.log})"
                )
            time.sleep(0.25)

    def require_alive(self) -> None:
        """Raise `LabelStudioServerError` when the process has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise LabelStudioServerError(f"Label Studio has ended:\n{self._last_words()}\n(see {self.log})")

    def stop(self) -> None:
        """End the process and everything it started."""
        process, self._process = self._process, None
        if process is None:
            return
        for number, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, None)):
            try:
                os.killpg(process.pid, number)
                process.wait(patience)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
            else:
                break

    def session(self) -> requests.Session:
        """Return a session that is logged in as a person would be."""
        session = requests.Session()
        page = f"{self.url}/user/login/"
        session.get(page, timeout=_TIMEOUT)
        form = {"email": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        reply = session.post(page, data=form, headers={"Referer": page}, timeout=_TIMEOUT)
        if not reply.ok or reply.url.startswith(page):
            raise LabelStudioServerError(
                f"cannot log in at {page} as {EMAIL}: delete {self.folder} to begin anew"
            )
        session.headers.update({"X-CSRFToken": session.cookies["csrftoken"], "Referer": self.url})
        return session

    def token(self) -> str:
        """Return the user's personal access token; made once and kept in the folder."""
        file = self.folder / "token"
        if file.exists():
            return file.read_text(encoding="utf-8").strip()
        reply = self.session().post(f"{self.url}/api/token/", timeout=_TIMEOUT)
        if not reply.ok:
            raise LabelStudioServerError(
                f"Label Studio gives no token ({reply.status_code}): delete {self.folder} to begin anew"
            )
        token = str(reply.json()["token"])
        # Its temporary file is readable by this user only, and a crash leaves no half of a token.
        write_atomically(file, token.encode())
        return token

    def origin(self) -> LabelStudioOrigin:
        """Return its address with the token."""
        return LabelStudioOrigin(url=self.url, api_key=self.token())

    def __enter__(self) -> "LabelStudioServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


def _clean_environment() -> dict[str, str]:
    """This process's environment without what belongs to the product or to another Label Studio."""
    foreign = ("LABEL_STUDIO_", "ZEGCLIP_", "PYTHON", "VIRTUAL_ENV", "REDIS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
