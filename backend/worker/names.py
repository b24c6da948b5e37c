"""Names of workers and the rhythm of their supervision."""

import os
import socket
import uuid
from pathlib import Path

# Seconds. A worker tells every MONITORING_INTERVAL that it lives and that its job goes on; a job whose worker
# has been silent for EXECUTION_LIFETIME is found at the next maintenance, and another worker takes it over.
MONITORING_INTERVAL = 10
EXECUTION_LIFETIME = 30
MAINTENANCE_INTERVAL = 20
# An idle worker wakes up 15 s before its lifetime ends, for maintenance among others.
WORKER_LIFETIME = 40

_PROCESS_NAMESPACE = Path("/proc/self/ns/pid")


def process_space() -> str:
    """Return what all processes share that see each other's ids: the host, and on Linux the namespace."""
    try:
        namespace = str(_PROCESS_NAMESPACE.stat().st_ino)
    except OSError:
        namespace = "0"
    return f"{socket.gethostname()}-{namespace}"


def worker_name(kind: str) -> str:
    """Return a name that no other worker has, and that tells where it runs."""
    return f"{kind}-{process_space()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def is_neighbour(name: str) -> bool:
    """Whether a worker of this name runs, or ran, where this process can see its process id."""
    _, _, rest = name.partition("-")
    return rest.rpartition("-")[0].rpartition("-")[0] == process_space()
