from pathlib import Path

from backend.web.cache_sizes import KEPT_SECONDS, CacheSizes


def test_files_are_counted_once_a_minute_however_often_one_asks(tmp_path: Path) -> None:
    now = 0.0
    sizes = CacheSizes(data_dir=tmp_path, clock=lambda: now)
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "one").write_bytes(b"12345")
    assert sizes.all()[0] == {"name": "downloads", "files": 1, "bytes": 5}
    (tmp_path / "images" / "two").write_bytes(b"123")
    now = KEPT_SECONDS - 1
    assert sizes.all()[0]["files"] == 1
    now = KEPT_SECONDS
    assert sizes.all()[0] == {"name": "downloads", "files": 2, "bytes": 8}


def test_a_cache_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert {cache["files"] for cache in CacheSizes(data_dir=tmp_path).all()} == {0}
