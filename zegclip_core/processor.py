"""How a process uses the processor that its model runs on."""

import cv2
import torch

from zegclip_core.process_memory import keep_freed_memory


def prepare_processor(*, threads: int) -> None:
    """Set up this process for running a model; to be called once, before the first image.

    Args:
        threads: how many threads the tower and the steps after it may use at once; 0 leaves both libraries
            their own choice, which is one for each core.

    """
    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
