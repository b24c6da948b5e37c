"""A backbone of two blocks and a data set of six pictures: everything training does, in milliseconds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training.configuration import TrainingConfiguration
from training.dataset_description import DatasetClass, DatasetDescription
from training.recipe_files import from_mapping
from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.guarded_open_clip import open_clip

SIDE = 64
CONTEXT = 16
BACKGROUND, CAT, DOG, SOFA = 0, 1, 2, 3
CLASSES = (
    DatasetClass(BACKGROUND, "background", ("background",), is_background=True),
    DatasetClass(CAT, "cat", ("cat", "kitten")),
    DatasetClass(DOG, "dog", ("dog",)),
    DatasetClass(SOFA, "sofa", ("sofa", "couch")),
)


def tiny_backbone(*, seed: int = 0, digest: str = "tiny") -> Backbone:
    """A random open_clip ViT: two blocks, 64 channels, patches of 16 pixels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = open_clip.CLIP(
            embed_dim=32,
            vision_cfg={"image_size": SIDE, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
            text_cfg={"context_length": CONTEXT, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
        )
    return Backbone(
        clip=clip,
        tokenizer=open_clip.SimpleTokenizer(context_length=CONTEXT),
        name="tiny",
        revision="1",
        digest=digest,
        stride=16,
        sizes=InputSizes(multiple=16, long_side=SIDE),
        image_mean=(0.5, 0.5, 0.5),
        image_std=(0.5, 0.5, 0.5),
        none_cosine=None,
        templates=("a photo of a {}",),
    )


def write_dataset(
    root: Path,
    *,
    masks: Sequence[np.ndarray] | None = None,
    unseen: Sequence[str] = ("sofa",),
    size: tuple[int, int] = (SIDE, SIDE),
) -> DatasetDescription:
    """Pictures of coloured squares; by default three images each show cat and dog, three dog and sofa."""
    if masks is None:
        masks = [halves(CAT, DOG, size), halves(DOG, SOFA, size)] * 3
    for folder in ("images", "masks", "splits"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    ids = [f"picture{number}" for number in range(len(masks))]
    for number, (one, mask) in enumerate(zip(ids, masks, strict=True)):
        noise = np.random.default_rng(number).integers(0, 60, (*mask.shape, 3))
        colours = np.array([(20, 20, 20), (180, 40, 40), (40, 180, 40), (40, 40, 180)])
        picture = colours[np.minimum(mask, SOFA)] + noise
        Image.fromarray(picture.astype(np.uint8)).save(root / "images" / f"{one}.png")
        Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / f"{one}.png")
    (root / "splits" / "train.txt").write_text("".join(f"{one}\n" for one in ids))
    description = DatasetDescription(
        root=root,
        name="tiny",
        classes=CLASSES,
        splits={"train": "splits/train.txt"},
        image_suffix=".png",
        unseen=tuple(unseen),
    )
    description.save()
    return description


def halves(left: int, right: int, size: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    """A mask of one class on the left, another on the right, and a rim of background below."""
    mask = np.full(size, right)
    mask[:, : size[1] // 2] = left
    mask[-8:] = BACKGROUND
    return mask


def tiny_configuration(mode: str = "inductive", **groups: object) -> TrainingConfiguration:
    """Four steps of two images on the tiny backbone; `groups` override settings."""
    settings: dict[str, dict[str, object]] = {
        "model": {"backbone": "tiny", "prompt_tokens": 2, "decoder_layers": 2},
        "data": {"train_split": "train"},
        "augmentation": {"short_side": SIDE, "crop": SIDE, "scales": [0.5, 1.5]},
        "optimisation": {"iterations": 4, "batch_size": 2, "micro_batch": 1, "warmup": 2, "save_every": 2},
        "self_training": {"inductive_iterations": 2, "iterations": 2},
        "evaluation": {"split": "train", "short_side": 0, "long_side": SIDE, "window": 0},
    }
    for group, values in groups.items():
        if isinstance(values, dict):
            settings[group] = settings.get(group, {}) | values
        else:
            settings[group] = values  # type: ignore[assignment]
    return from_mapping(settings | {"mode": mode}, where="test")
