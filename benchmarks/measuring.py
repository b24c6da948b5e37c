"""What the benchmarks of the processes share: percentiles, tables, a process's memory, the machine's load."""

import os
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share (0..1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(seconds: Sequence[float]) -> list[str]:
    """Return count, median, 90th and 99th percentile and maximum, in milliseconds, as table cells."""
    figures = [
        statistics.median(seconds),
        percentile(seconds, 0.9),
        percentile(seconds, 0.99),
        max(seconds),
    ]
    return [str(len(seconds)), *(f"{1000 * figure:.1f}" for figure in figures)]


SPREAD_HEAD = ("n", "median", "p90", "p99", "max")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def resident_bytes(pid: int) -> int:
    """Return a process's resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise ProcessLookupError(f"no process {pid}")
    return int(found[1]) * 1024


def load() -> str:
    """Say how busy the machine is: a figure of a loaded one is an upper bound."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
