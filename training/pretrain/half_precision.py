"""Whether bfloat16 makes training faster on a device, or twelve times slower."""

import torch


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 itself; processors that do not emulate it number by number."""
    if device.type != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
