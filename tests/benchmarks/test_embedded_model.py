"""Which classes have too few photographs for a figure of their own."""

from pathlib import Path

from benchmarks.embedded_model import photographs_of_classes
from tests.training.tiny import write_dataset


def test_photographs_are_counted_for_each_class(tmp_path: Path) -> None:
    assert photographs_of_classes(write_dataset(tmp_path), "train") == [3, 6, 3]
