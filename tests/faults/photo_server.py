"""Stands where Label Studio serves uploads, so that a test decides when an image arrives."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.photos import small_photos

ADDRESS = "/data/upload/3/cat.jpg"


class PhotoServer:
    """Serves one photograph at every address; while `hold` is set, requests wait.

    Attributes:
        hold: set it to keep requests waiting, clear it to let them through.
        requests: the paths asked for, in order.
        tokens: the Authorization headers that came along.

    """

    def __init__(self) -> None:
        self.hold = False
        self.requests: list[str] = []
        self.tokens: list[str | None] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The address for `LABEL_STUDIO_URL`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def let_through(self) -> None:
        """Answer what waits and everything that comes."""
        with self._changed:
            self.hold = False
            self._changed.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner, (photo, *_) = self, small_photos()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.requests.append(self.path)
                owner.tokens.append(self.headers.get("Authorization"))
                with owner._changed:
                    owner._changed.wait_for(lambda: not owner.hold)
                # The one who asked may have been killed meanwhile.
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Type", "image/jpeg")
                    self.send_header("Content-Length", str(len(photo.content)))
                    self.end_headers()
                    self.wfile.write(photo.content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


@contextlib.contextmanager
def photo_server() -> Iterator[PhotoServer]:
    """Run a photo server."""
    server = PhotoServer()
    thread = threading.Thread(target=server._serve)
    thread.start()
    try:
        yield server
    finally:
        server.let_through()
        server._server.shutdown()
        server._server.server_close()
        thread.join()
