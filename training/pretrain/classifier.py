"""A MobileNetV2 that classifies ImageNet, as stem and as a teacher of words."""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from training.errors import StartModelError
from zegclip_core.backbones.stem import FINE_WIDTH, LAST_WIDTH, MobileNetV2

CLASSES = 1000


class Classifier(nn.Module):
    """The trunk at stride 16 with the classifier at every cell; frozen.

    Args:
        weights: safetensors with the names of `MobileNetV2` and `fc` (1001 rows, of which 0 is background, as
            TensorFlow has them); for images in [-1, 1].

    Attributes:
        features: channels of what it gives beside the logits.

    Raises `StartModelError` for another file.

    """

    features = FINE_WIDTH + LAST_WIDTH

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.trunk = MobileNetV2()
        self.fc = nn.Conv2d(LAST_WIDTH, CLASSES, 1)
        try:
            state = {name: tensor.float() for name, tensor in load_file(weights).items()}
            rows = {name: state.pop(f"fc.{name}")[1:] for name in ("weight", "bias")}
            self.fc.load_state_dict(rows)
            self.trunk.load_state_dict(state)
        except (OSError, KeyError, RuntimeError, SafetensorError) as error:
            raise StartModelError(
                f"{weights} is no MobileNetV2 for ImageNet as this stage reads it: {error}"
            ) from error
        self.eval().requires_grad_(False)

    @torch.inference_mode()
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (B, 3, 16h, 16w) to features (B, 1376, h, w) and class logits (B, 1000, h, w)."""
        fine, semantic = self.trunk(images.contiguous(memory_format=torch.channels_last))
        return torch.cat((fine, semantic), dim=1), self.fc(semantic)


def guesses(logits: Tensor, *, temperature: float, withheld: Tensor) -> Tensor:
    """Return the probabilities (B, C, h, w) of the classes that are not withheld; `withheld` is (C,) bool."""
    masked = logits.masked_fill(withheld.view(1, -1, 1, 1), -torch.inf)
    return F.softmax(masked / temperature, dim=1)
