"""How a process uses the processor that its model runs on."""

import cv2
import torch
from threadpoolctl import threadpool_limits

from zegclip_core.process_memory import keep_freed_memory


def prepare_processor(*, threads: int) -> None:
    """Set up this process for running a model; to be called once, before the first image.

    NumPy's products of matrices are left to one thread: the steps after the tower have small ones only, and
    the second thread's waiting for the next would take a core away from the tower (an image took 1.2 to 1.3
    times as long on two cores, see docs/results.md).

    Args:
        threads: how many threads the tower and the steps after it may use at once; 0 leaves both libraries
            their own choice, which is one for each core.

    """
    keep_freed_memory()
    threadpool_limits(limits=1, user_api="blas")
    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
