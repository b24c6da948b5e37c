"""Where a model runs and in which precision."""

from contextlib import AbstractContextManager, nullcontext

import torch

from zegclip_core.errors import DeviceError


def choose_device(wish: str | torch.device = "auto") -> torch.device:
    """Return the device to run on: `auto` is the GPU where CUDA works, the CPU otherwise.

    Raises `DeviceError` when the wished device is not there.
    """
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wish)
    except RuntimeError as error:
        raise DeviceError(f"{wish!r} is no device: write auto, cpu, cuda or cuda:0") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"no CUDA device {wish} on this machine: write auto or cpu")
    return device


def inference_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context to run a model in: bfloat16 autocast on a GPU that has it, float32 everywhere else.

    CPUs without bfloat16 units emulate it several times slower than float32.
    """
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()
