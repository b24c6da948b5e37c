"""The mean of two states of the embedded model, which often keeps the strengths of both.

Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file

from training.errors import ConfigurationError
from training.pretrain.pack import pack
from zegclip_core.backbones.mini import dequantised, read_card


def blend(start: Path, trained: Path, share: float, out: Path) -> Path:
    """Write `out` and its card: every trained tensor on the way from `start` to `trained`.

    Args:
        start: weights that training continued from.
        trained: weights it ended with.
        share: 0 gives the start, 1 the end.
        out: where the new weights go; the card lies beside them.

    Returns the card's path. Raises `ConfigurationError` for a share beyond 0 to 1 or weights of other shapes.

    """
    if not 0 <= share <= 1:
        raise ConfigurationError(
            f"share {share}: give a number from 0 (the start) to 1 (the trained weights)"
        )
    before, after = dequantised(load_file(start)), dequantised(load_file(trained))
    moved = {name: tensor for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    mixed = {name: before[name].lerp(tensor, share) for name, tensor in moved.items()}
    none_before, none_after = (float(read_card(path)["other_cos"]) for path in (start, trained))
    mixed["none_cosine"] = torch.tensor(none_before + share * (none_after - none_before))
    recipe = {"name": "blend", "what": "weights between the start of training and its end", "share": share}
    return pack(trained, mixed, out, training=recipe)
