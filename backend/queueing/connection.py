"""Connections to the queue server, with time limits and errors that name the cure."""

import contextlib
from collections.abc import Iterator

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry
from rq import Queue

from backend.errors import QueueUnavailableError

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 5.0
SERIALIZER = "json"


def connect(url: str) -> "redis.Redis":
    """Open a client for quick calls: 1 s to connect, 5 s to answer (`redis://` or `unix://` addresses)."""
    # One more try, at once: a connection from before the server's restart is dead, a new one may work.
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


def require_answer(url: str) -> None:
    """Raise `QueueUnavailableError` unless a queue server answers now."""
    with queue_errors(), contextlib.closing(connect(url)) as client:
        client.ping()


def connect_worker(url: str) -> "redis.Redis":
    """Open a client for a worker: blocking reads may last, short outages are ridden out by retries."""
    retry = Retry(ExponentialBackoff(cap=10, base=0.5), retries=20)
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=retry,
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
        health_check_interval=30,
    )


def open_queue(name: str, connection: "redis.Redis") -> Queue:
    """Return a queue whose jobs travel as JSON, never as pickles."""
    return Queue(name, connection=connection, serializer=SERIALIZER)


@contextlib.contextmanager
def queue_errors() -> Iterator[None]:
    """Turn the client's connection errors into `QueueUnavailableError`."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise QueueUnavailableError(
            f"the queue server does not answer ({type(error).__name__}): "
            "check REDIS_URL, or that `zegclip start` runs"
        ) from error
