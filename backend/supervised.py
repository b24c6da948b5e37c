"""`python -m backend.supervised COMMAND …`: a command that ends when the process that started it has ended.

The supervisor keeps the other end of its children's standard input. However it ends, by SIGKILL or lack of
memory, the kernel closes that end, and nobody holds memory, port and queue for a product that is gone.
"""

import os
import signal
import sys
import threading

from backend.cli import main

_AT_ONCE = 4096


def end_with_parent() -> None:
    """Watch standard input from now on, and end as on a request (SIGTERM) when its other end is closed."""
    threading.Thread(target=_watch, name="parent watch", daemon=True).start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), _AT_ONCE):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main())
