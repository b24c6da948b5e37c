"""The number of threads holds for everything that is done to an image."""

from collections.abc import Iterator

import cv2
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from zegclip_core.processor import prepare_processor


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = torch.get_num_threads(), cv2.getNumThreads()
    with threadpool_limits(limits=2, user_api="blas"):
        yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.mark.parametrize("threads", [1, 2])
def test_tower_and_the_steps_after_it_use_as_many_threads(threads: int) -> None:
    prepare_processor(threads=threads)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (threads, threads)


def test_none_leaves_the_libraries_their_choice() -> None:
    prepare_processor(threads=1)
    prepare_processor(threads=0)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)


@pytest.mark.parametrize("threads", [0, 2])
def test_products_of_numpy_take_no_core_from_the_tower(threads: int) -> None:
    prepare_processor(threads=threads)
    pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert set(pools) == {1}
