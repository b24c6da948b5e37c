"""Names of workers and the rhythm of their supervision."""

import os
import socket
import uuid

# Seconds. A dead worker's job is found by another's maintenance after the monitoring time has run out.
MONITORING_INTERVAL = 10
MAINTENANCE_INTERVAL = 60
WORKER_LIFETIME = 90


def worker_name(kind: str) -> str:
    """Return a name that no other worker has, and that tells where it runs."""
    return f"{kind}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
