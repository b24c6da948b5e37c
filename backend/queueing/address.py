"""Which queue server the processes of one installation use."""

from pathlib import Path

from backend.errors import QueueServerError
from backend.queueing.embedded_server import EmbeddedQueueServer
from backend.settings import Settings


def embedded_server(data_dir: Path) -> EmbeddedQueueServer:
    """Return the embedded server of a data folder, not started."""
    return EmbeddedQueueServer(folder=data_dir / "queue")


def queue_address(settings: Settings) -> str:
    """Return `REDIS_URL`, or the address of the embedded server that runs on the data folder.

    Raises `QueueServerError` with the cure when neither is there.
    """
    if settings.redis_url:
        return settings.redis_url
    server = embedded_server(settings.data_dir)
    if not server.answers():
        raise QueueServerError(
            f"no queue server: REDIS_URL is not set and none runs on {settings.data_dir}. "
            "Run `zegclip start` (it brings one), or set REDIS_URL to a Redis 6+ or Valkey server"
        )
    return server.url
