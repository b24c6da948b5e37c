"""A small HTTP server on this machine that answers as a test tells it and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


@dataclass(frozen=True)
class Answer:
    """What the server sends back; `chunks` are sent one by one without a declared length."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Callable[[], Iterable[bytes]] | None = None


def json_answer(value: object, status: int = 200) -> Answer:
    return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


def redirect(location: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": location})


Route = Answer | Callable[[Asked], Answer]


class LocalServer:
    """Answers by path; unknown paths are 404. A context manager."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.routes: dict[str, Route] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(length))
                owner.asked.append(asked)
                route = owner.routes.get(urlsplit(self.path).path, Answer(status=404))
                self._send(route(asked) if callable(route) else route)

            do_POST = do_GET  # noqa: N815

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                declared = {name.lower() for name in answer.headers}
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.chunks is None and "content-length" not in declared:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                try:
                    self.wfile.write(answer.body)
                    for chunk in answer.chunks() if answer.chunks else ():
                        self.wfile.write(chunk)
                except (BrokenPipeError, ConnectionResetError):
                    owner.broken_off.set()

            def log_message(self, *_: object) -> None:
                pass

        self.broken_off = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def targets(self) -> list[str]:
        """Path and query of every request, in order."""
        return [asked.target for asked in self.asked]

    def __enter__(self) -> "LocalServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
