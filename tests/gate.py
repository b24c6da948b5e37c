"""A gate in front of a real server: open, shut, or losing the answer to one request after it has worked."""

import contextlib
import socket
import threading
from types import TracebackType

_CHUNK = 65536


class Gate:
    """Forwards connections to a port of this machine; a context manager.

    Args:
        target: the port of the real server.

    """

    def __init__(self, *, target: int) -> None:
        self.losses = 0
        self._target = target
        self._is_open = True
        self._loses: bytes | None = None
        self._answer_is_lost = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def shut(self) -> None:
        """From now on every request breaks off."""
        self._is_open = False

    def open(self) -> None:
        self._is_open = True

    def lose_answer_to(self, request: bytes) -> None:
        """Let the next request that begins so reach the server, and break off its answer."""
        self._loses = request

    def __enter__(self) -> "Gate":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A listener that is only closed would not wake the thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Pass bytes both ways, request after request, until either side closes."""
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            answers = threading.Thread(target=self._answer, args=(server, client), daemon=True)
            answers.start()
            with contextlib.suppress(OSError):
                while (data := client.recv(_CHUNK)) and self._is_open:
                    if self._loses is not None and data.startswith(self._loses):
                        self._loses = None
                        self._answer_is_lost.set()
                    server.sendall(data)
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                if self._answer_is_lost.is_set():
                    self._answer_is_lost.clear()
                    self.losses += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)
