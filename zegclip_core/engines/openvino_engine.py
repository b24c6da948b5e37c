"""OpenVINO in place of PyTorch for a tower's patch convolution and blocks."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zegclip_core.engines.openvino_conversion import part_name
from zegclip_core.engines.openvino_runtime import openvino_core
from zegclip_core.errors import EngineError


class OpenVINOEngine:
    """Runs the parts that `convert` wrote; any number of threads, one computation at a time.

    Args:
        folder: the converted parts.
        parts: how many there must be.
        name: what it is called in logs and in keys of what was encoded.
        threads: CPU threads; as many as torch uses when None.

    Raises `EngineError` when the package or a part is missing or damaged.

    """

    def __init__(self, folder: Path, *, parts: int, name: str, threads: int | None = None) -> None:
        self.name = name
        core = openvino_core()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            # Without it, CPUs with bfloat16 units would compute more coarsely than what was checked.
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads or torch.get_num_threads(),
        }
        try:
            self._requests: list[Any] = [
                core.compile_model(folder / part_name(number), "CPU", settings).create_infer_request()
                for number in range(parts)
            ]
        except RuntimeError as error:
            raise EngineError(
                f"the conversion in {folder} is incomplete: delete the folder ({error})"
            ) from error
        self._running = threading.Lock()

    def patchify(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 3, H, W) to patches (B, width, h, w)."""
        return self._run(0, images)

    def run_block(self, index: int, tokens: Tensor) -> Tensor:
        """Pass tokens (B, n, width) through the block."""
        return self._run(1 + index, tokens)

    def _run(self, part: int, values: Tensor) -> Tensor:
        with self._running:
            result = self._requests[part].infer([np.ascontiguousarray(values.numpy())])
            return torch.from_numpy(np.array(next(iter(result.values()))))
