"""A progress bar for work that tells how much of all is done."""

from collections.abc import Callable
from typing import Any

from tqdm import tqdm


def shown_by(bar: "tqdm[Any]") -> Callable[[int, int], None]:
    """Return what moves a bar when it is told what is done so far, and how much there is."""

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return show
