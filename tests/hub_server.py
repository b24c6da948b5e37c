"""A stand-in for the Hugging Face hub on this machine: addresses, headers, ranges and broken transfers."""

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class HubFile:
    """A file of a repository; `announced` is the SHA-256 that the hub tells, its own unless it lies."""

    content: bytes
    announced: str = ""
    breaks_after: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.announced = self.announced or hashlib.sha256(self.content).hexdigest()


class HubServer:
    """Serves `/OWNER/NAME/resolve/REVISION/FILE`. A context manager.

    A number in a file's `breaks_after` ends one transfer after so many bytes.
    """

    def __init__(self) -> None:
        self.files: dict[str, HubFile] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(with_body=False)

            def do_GET(self) -> None:
                self._answer(with_body=True)

            def _answer(self, *, with_body: bool) -> None:
                asked_range = self.headers.get("Range")
                owner.asked.append((self.command, self.path, asked_range))
                repository, _, rest = self.path.partition("/resolve/")
                file = owner.files.get(f"{repository.strip('/')}/{rest.partition('/')[2]}")
                if file is None:
                    self.send_response(404)
                    self.send_header("X-Error-Code", "EntryNotFound")
                    self.send_header("X-Repo-Commit", COMMIT)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start = int(asked_range.removeprefix("bytes=").split("-")[0]) if asked_range else 0
                body = file.content[start:]
                self.send_response(206 if asked_range else 200)
                self.send_header("Content-Length", str(len(body)))
                if asked_range:
                    total = len(file.content)
                    self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("ETag", f'"{file.announced}"')
                self.send_header("X-Linked-ETag", f'"{file.announced}"')
                self.send_header("X-Linked-Size", str(len(file.content)))
                self.send_header("X-Repo-Commit", COMMIT)
                self.end_headers()
                if not with_body:
                    return
                if file.breaks_after:
                    body = body[: file.breaks_after.pop(0)]
                    self.close_connection = True
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def transfers(self) -> list[str | None]:
        """The ranges of all GET requests for files, in order; None for a whole file."""
        return [asked for method, path, asked in self.asked if method == "GET" and "/resolve/" in path]

    def __enter__(self) -> "HubServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
