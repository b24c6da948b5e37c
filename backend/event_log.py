"""The file of events: durable before it is acknowledged (SQLite, write-ahead log)."""

import json
import sqlite3
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from queue import Empty, SimpleQueue

from backend.events import Event

_LARGEST_BATCH = 256
_BUSY_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    action TEXT NOT NULL,
    project TEXT NOT NULL,
    subject TEXT NOT NULL,
    version TEXT NOT NULL,
    details TEXT NOT NULL,
    UNIQUE (project, action, subject, version)
);
CREATE INDEX IF NOT EXISTS events_by_project ON events (project, sequence);
"""
_INSERT = """
INSERT OR IGNORE INTO events (received_at, action, project, subject, version, details)
VALUES (?, ?, ?, ?, ?, ?)
"""


class EventLog:
    """The file of events; safe to use from many threads and processes.

    One thread writes, and commits what has gathered while the last commit went to disk: an event is
    acknowledged only when it is durable, yet hundreds a second fit.

    Args:
        path: the SQLite file; made with its folder.

    """

    def __init__(self, *, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as connection:
            connection.executescript(_SCHEMA)
        self._waiting: SimpleQueue[tuple[list[Event], Future[int]] | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="event-writer", daemon=True)
        self._writer.start()

    def record(self, events: list[Event], *, timeout: float = 5.0) -> int:
        """Store events and return how many were new; raises `sqlite3.Error` or `TimeoutError` otherwise."""
        stored: Future[int] = Future()
        self._waiting.put((events, stored))
        return stored.result(timeout)

    def close(self) -> None:
        """Write what waits and stop the writer."""
        self._waiting.put(None)
        self._writer.join()

    def after(
        self, sequence: int, *, project: str | None = None, action: str | None = None, limit: int = 1000
    ) -> list[tuple[int, Event]]:
        """Return up to `limit` events behind a sequence number, oldest first, with their numbers."""
        where = (
            "sequence > ?" + (" AND project = ?" if project else "") + (" AND action = ?" if action else "")
        )
        values = [sequence, *(value for value in (project, action) if value), limit]
        query = f"SELECT * FROM events WHERE {where} ORDER BY sequence LIMIT ?"  # noqa: S608 (no user text in it)
        with closing(self._open()) as connection:
            rows = connection.execute(query, values).fetchall()
        return [(row[0], _read(row)) for row in rows]

    def last(self, *, project: str) -> int:
        """Return the sequence number of a project's newest event; 0 when it has none."""
        query = "SELECT COALESCE(MAX(sequence), 0) FROM events WHERE project = ?"
        with closing(self._open()) as connection:
            return int(connection.execute(query, (project,)).fetchone()[0])

    def counts(self) -> dict[str, int]:
        """Return how many events of each action are stored."""
        with closing(self._open()) as connection:
            return dict(connection.execute("SELECT action, COUNT(*) FROM events GROUP BY action").fetchall())

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _write(self) -> None:
        with closing(self._open()) as connection:
            while batch := self._next_batch():
                self._commit(connection, batch)

    def _next_batch(self) -> list[tuple[list[Event], "Future[int]"]]:
        first = self._waiting.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < _LARGEST_BATCH:
            try:
                more = self._waiting.get_nowait()
            except Empty:
                break
            if more is None:
                self._waiting.put(None)
                break
            batch.append(more)
        return batch

    @staticmethod
    def _commit(connection: sqlite3.Connection, batch: list[tuple[list[Event], "Future[int]"]]) -> None:
        now = time.time()
        try:
            with connection:
                news = [sum(_insert(connection, event, now) for event in events) for events, _ in batch]
        except Exception as error:
            # Handed on to every caller; the writer itself must outlive whatever went wrong.
            for _, stored in batch:
                stored.set_exception(error)
            return
        for (_, stored), new in zip(batch, news, strict=True):
            stored.set_result(new)


def _insert(connection: sqlite3.Connection, event: Event, now: float) -> int:
    values = (now, event.action, event.project, event.subject, event.version, json.dumps(dict(event.details)))
    return connection.execute(_INSERT, values).rowcount


def _read(row: tuple[int, float, str, str, str, str, str]) -> Event:
    _, _, action, project, subject, version, details = row
    return Event(action, project, subject, version, json.loads(details))
