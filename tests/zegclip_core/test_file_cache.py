import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from zegclip_core.file_cache import FileCache


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(folder=tmp_path / "images", max_bytes=100)


def set_age(cache: FileCache, key: str, seconds: int) -> None:
    """Make a file look as if it had been used last this long ago."""
    path = next(p for p in cache.folder.iterdir() if p.read_bytes() == cache.get(key))
    now = path.stat().st_mtime
    os.utime(path, (now - seconds, now - seconds))


def test_what_was_put_is_found_under_its_key_alone(cache: FileCache) -> None:
    cache.put("a", b"first")
    cache.put("b", b"second")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"first", b"second", None)


def test_it_tells_what_it_holds(cache: FileCache) -> None:
    cache.put("a", b"1")
    assert "a" in cache
    assert "b" not in cache


def test_a_second_process_finds_it_too(cache: FileCache) -> None:
    cache.put("a", b"first")
    assert FileCache(folder=cache.folder, max_bytes=100).get("a") == b"first"


def test_names_on_disk_tell_nothing_of_addresses(cache: FileCache) -> None:
    cache.put("https://host/a.png?token=secret", b"first")
    assert all("secret" not in path.name for path in cache.folder.iterdir())


def test_the_file_unused_longest_makes_room(cache: FileCache) -> None:
    cache.put("old", b"1" * 40)
    cache.put("used", b"2" * 40)
    set_age(cache, "old", 50)
    set_age(cache, "used", 90)
    cache.get("used")
    cache.put("new", b"3" * 40)
    assert cache.get("old") is None
    assert cache.get("used") == b"2" * 40
    assert cache.get("new") == b"3" * 40


def test_the_folder_never_exceeds_the_cap(cache: FileCache) -> None:
    for number in range(50):
        cache.put(str(number), bytes([number]) * 30)
        assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 100


def test_what_other_processes_wrote_is_counted_before_long(tmp_path: Path) -> None:
    ours, theirs = (FileCache(folder=tmp_path, max_bytes=20_000) for _ in range(2))
    ours.put("first", b"x")
    for number in range(150):
        theirs.put(f"theirs {number}", b"x" * 100)
    for number in range(250):
        ours.put(f"ours {number}", b"x" * 100)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000


def test_the_folder_is_not_looked_through_for_every_file(
    cache: FileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    iterdir = Path.iterdir

    def counted(folder: Path) -> Iterator[Path]:
        nonlocal looks
        looks += 1
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", counted)
    for number in range(60):
        cache.put(str(number), b"x")
    assert looks == 1


def test_a_file_that_does_not_fit_leaves_the_others_alone(cache: FileCache) -> None:
    cache.put("a", b"first")
    cache.put("large", b"x" * 101)
    assert cache.get("a") == b"first"
    assert cache.get("large") is None


def test_a_cap_of_nothing_switches_it_off(tmp_path: Path) -> None:
    cache = FileCache(folder=tmp_path / "images", max_bytes=0)
    cache.put("a", b"first")
    assert cache.get("a") is None
    assert not cache.folder.exists()


def test_a_folder_that_cannot_be_written_costs_the_cache_not_the_image(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FileCache(folder=tmp_path / "file", max_bytes=100)
    cache.put("a", b"first")
    assert cache.get("a") is None


def test_a_full_disk_leaves_no_half_file(cache: FileCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    cache.put("a", b"first")
    assert cache.get("a") is None
    assert list(cache.folder.iterdir()) == []


def test_readers_see_whole_files_while_others_write(cache: FileCache) -> None:
    whole = {bytes([number]) * 50 for number in range(8)}
    seen: list[bytes | None] = []
    writers = [threading.Thread(target=cache.put, args=("a", data)) for data in whole for _ in range(5)]
    for thread in writers:
        thread.start()
        seen.append(cache.get("a"))
    for thread in writers:
        thread.join()
    assert {data for data in seen if data is not None} <= whole
    assert cache.get("a") in whole
