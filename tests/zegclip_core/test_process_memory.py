"""Freed memory stays with the process, so that the next image need not ask the system for it."""

import platform
import subprocess
import sys

import pytest

from zegclip_core.process_memory import keep_freed_memory

MIB = 1024 * 1024
# In a process of its own: pages that the system brought while arrays of 2 MiB came and went, and bytes that
# are left of one of 64 MiB. Arrays of 4 MiB and more may get huge pages from numpy, which count as one.
PROGRAM = """
import resource, sys
import numpy as np
from zegclip_core.process_memory import keep_freed_memory

def arrays(megabytes, count):
    for _ in range(count):
        [np.ones(megabytes * 1024 * 1024, np.uint8) for _ in range(8)]

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

if sys.argv[1] == "keep":
    assert keep_freed_memory()
arrays(2, 3)
before = pages()
arrays(2, 10)
brought, small = pages() - before, resident()
np.ones(64 * 1024 * 1024, np.uint8)
print(brought, resident() - small)
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")


def brought_and_left(choice: str) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, choice], capture_output=True, text=True, check=True)
    brought, left = done.stdout.split()
    return int(brought), int(left)


@glibc
def test_the_next_arrays_get_the_pages_of_those_before() -> None:
    usual, _ = brought_and_left("usual")
    kept, _ = brought_and_left("keep")
    assert kept < usual / 10


@glibc
def test_a_huge_array_goes_back_to_the_system() -> None:
    _, left = brought_and_left("keep")
    assert left < 16 * MIB


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory() is False


def test_a_c_library_that_cannot_be_told_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert keep_freed_memory() is False
