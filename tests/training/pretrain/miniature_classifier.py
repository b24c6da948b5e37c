"""A classifier for ImageNet that knows nothing."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from zegclip_core.backbones.stem import MobileNetV2


def write_classifier(path: Path, background: float = 0.0, *, seed: int = 0) -> Path:
    """A MobileNetV2 with random weights, and with 1001 rows as TensorFlow's have."""
    torch.manual_seed(seed)
    state = MobileNetV2().state_dict()
    state["fc.weight"] = torch.randn(1001, 1280, 1, 1)
    state["fc.bias"] = torch.zeros(1001)
    state["fc.bias"][0] = background
    save_file(state, path)
    return path
