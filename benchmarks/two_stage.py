"""One stage against two: ZegCLIP beside the scheme that it replaces, on the same images, CLIP and machine.

python -m benchmarks.two_stage --backbone zegclip-mini --images datasets/voc_subset/images --limit 10

Two stages, as in ZegFormer and zsseg: about 100 class-agnostic proposals, each masked, cut out, resized and
sent through CLIP's image tower. Here the proposals cost next to nothing (watershed regions around a grid of
seeds), where the papers run a network for them: the ratio is a lower bound. Both end with the best word
of every patch or region, painted at the image's size. Speed does not depend on the values of weights, so that
`--backbone ViT-B-16` runs with random ones, the longer side 512 pixels; words are encoded beforehand in both.

Seconds are those of one CPU thread (process time), the best of some runs of each image, the images' median:
other programs on the machine change them little. The second scheme takes so long that each image runs once.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from backend.demo.photos import sample_photos
from backend.painting import find_images
from zegclip_core import ZegCLIP, ZegCLIPOptions
from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import open_clip_architectures, parse_notation
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.labels import Label
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import Segmenter
from zegclip_core.text_bank import TextBank
from zegclip_core.windows import stitch
from zegclip_core.zegclip.head import ZegCLIPHead

Picture = NDArray[np.uint8]
LABEL_COUNTS = (20, 171, 200, 1000)
CROPS_AT_ONCE = 20
CROP_SIDE = 224
_PAPER_SIDE = 512


@dataclass(frozen=True, slots=True)
class Cost:
    """What one scheme takes for one image: seconds of one thread and floating-point operations."""

    seconds: float
    flops: float


def main() -> None:
    """Print a table of both schemes for each number of labels."""
    arguments = parse_arguments()
    prepare_processor(threads=1)
    backbone = open_backbone(arguments.backbone)
    pictures = read_pictures(arguments.images, arguments.limit)
    bank = TextBank(backbone=backbone, templates=("{}",))
    model = ZegCLIP.on_backbone(backbone, ZegCLIPOptions(prompt_tokens=arguments.prompt_tokens))
    head = ZegCLIPHead(model=model.requires_grad_(False), backbone=backbone)
    segmenter = Segmenter(head=head, text_bank=bank, model_version="timing@0")
    words = list(dict.fromkeys([*open_clip.IMAGENET_CLASSNAMES, "sky", "grass", "road", "sea"]))
    print(f"{arguments.backbone}, N = {arguments.prompt_tokens}, {len(pictures)} images, one thread")
    print("labels  one stage, its growth with labels      two stages, ratio of times")
    first: float | None = None
    for count in arguments.labels:
        text = bank.embed([Label(name=word, prompts=(word,)) for word in words[:count]])[0]
        one = measure(partial(one_stage, segmenter, text), pictures, arguments.repeats)
        first = first or one.seconds
        print(f"{count:6d}  {describe(one)}  {one.seconds / first:5.2f}x", end="", flush=True)
        if not arguments.one_stage_only:
            two = measure(partial(two_stages, backbone, text, arguments.proposals), pictures, 0)
            print(f"  {describe(two)}  {two.seconds / one.seconds:5.1f}x", end="", flush=True)
        print()


@torch.inference_mode()
def one_stage(segmenter: Segmenter, text: Tensor, picture: Picture) -> NDArray[np.int32]:
    """Encode a picture once, score every word on every patch: the best word (H, W) of every pixel."""
    encoded = segmenter.encode(picture)
    logits = [segmenter.head.logits(features, text)[0] for features in encoded.features]
    best = stitch(encoded.plan, logits, stride=segmenter.head.backbone.stride).argmax(dim=0)
    height, width = picture.shape[:2]
    painted: NDArray[np.int32] = cv2.resize(
        best.numpy().astype(np.int32), (width, height), interpolation=cv2.INTER_NEAREST
    )
    return painted


@torch.inference_mode()
def two_stages(backbone: Backbone, text: Tensor, count: int, picture: Picture) -> NDArray[np.int64]:
    """Propose regions, classify each with CLIP by itself, paint them: the best word (H, W) of every pixel."""
    regions = propose(picture, count)
    numbers = range(1, int(regions.max()) + 1)
    crops = torch.from_numpy(np.stack([cut_out(picture, regions == number) for number in numbers]))
    features = [
        backbone.encode_image(backbone.normalise(part))[1]
        for part in crops.permute(0, 3, 1, 2).split(CROPS_AT_ONCE)
    ]
    best = (torch.cat(features) @ text.t()).argmax(dim=1).numpy()
    painted: NDArray[np.int64] = best[regions - 1]
    return painted


def propose(picture: Picture, count: int) -> NDArray[np.int32]:
    """Divide a picture (H, W, 3) into about `count` regions along its edges: numbers (H, W) from 1."""
    height, width = picture.shape[:2]
    rows = max(1, round((count * height / width) ** 0.5))
    columns = max(1, round(count / rows))
    markers = np.zeros((height, width), np.int32)
    y = ((np.arange(rows) + 0.5) * height / rows).astype(int)
    x = ((np.arange(columns) + 0.5) * width / columns).astype(int)
    markers[np.ix_(y, x)] = np.arange(1, rows * columns + 1).reshape(rows, columns)
    regions = cv2.watershed(np.ascontiguousarray(picture[:, :, ::-1]), markers)
    # Watershed draws borders of its own (-1): each of their pixels goes to a region beside it.
    beside = cv2.dilate(np.maximum(regions, 0).astype(np.uint16), np.ones((3, 3)))
    _, numbers = np.unique(np.where(regions < 1, beside, regions), return_inverse=True)
    return (numbers.reshape(height, width) + 1).astype(np.int32)


def cut_out(picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    """A region's box at CLIP's size (224, 224, 3), grey outside the region."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    crop = np.where(mask[box][:, :, None], picture[box], np.uint8(127))
    resized: Picture = cv2.resize(crop, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_LINEAR)
    return resized


def measure(run: Callable[[Picture], object], pictures: Sequence[Picture], repeats: int) -> Cost:
    """Count operations in one run for the first picture, then take the best of each picture's further runs.

    Without repeats every picture runs once, the first while operations are counted.
    """
    # PyTorch's fused block is one operation, which the counter does not know: neither scheme uses it.
    torch.backends.mha.set_fastpath_enabled(False)
    with FlopCounterMode(display=False) as counter:
        counted = seconds_of(run, pictures[0])
    if repeats:
        seconds = [min(seconds_of(run, picture) for _ in range(repeats)) for picture in pictures]
    else:
        seconds = [counted, *(seconds_of(run, picture) for picture in pictures[1:])]
    return Cost(statistics.median(seconds), float(counter.get_total_flops()))


def seconds_of(run: Callable[[Picture], object], picture: Picture) -> float:
    """CPU seconds of one run."""
    started = time.process_time()
    run(picture)
    return time.process_time() - started


def describe(cost: Cost) -> str:
    """Images per second and operations per image."""
    return f"{1 / cost.seconds:6.2f}/s {cost.flops / 1e9:7.1f} GFLOP"


def open_backbone(name: str) -> Backbone:
    """Load a backbone by notation, or build an architecture of open_clip with random weights."""
    if name not in open_clip_architectures():
        return load_backbone(parse_notation(name))
    clip = open_clip.create_model(name, load_weights=False)
    stride = int(clip.visual.patch_size[0])
    return Backbone(
        clip=clip,
        tokenizer=open_clip.get_tokenizer(name),
        name=name,
        revision="random",
        digest="random",
        stride=stride,
        sizes=InputSizes(multiple=stride, long_side=_PAPER_SIDE),
        image_mean=clip.visual.image_mean,
        image_std=clip.visual.image_std,
        none_cosine=None,
        templates=("{}",),
    )


def read_pictures(folder: Path | None, limit: int) -> list[Picture]:
    """Read photographs (H, W, 3) of a folder, or those that travel in scikit-image and scikit-learn."""
    if folder is not None:
        return [np.asarray(Image.open(path).convert("RGB")) for path in find_images([folder])[:limit]]
    samples = [photo.content for photo in sample_photos()[:limit]]
    decoded = [cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) for content in samples]
    return [np.ascontiguousarray(cv2.cvtColor(one, cv2.COLOR_BGR2RGB)) for one in decoded]


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--backbone", default="zegclip-mini", help="a model, or an architecture such as ViT-B-16"
    )
    parser.add_argument("--images", type=Path, help="a folder of photographs; else those of scikit-image")
    parser.add_argument("--limit", type=int, default=7, help="so many images (default 7)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of the one stage (default 3)")
    parser.add_argument("--labels", type=int, nargs="+", default=LABEL_COUNTS, help="numbers of labels")
    parser.add_argument("--proposals", type=int, default=100, help="regions of an image (default 100)")
    parser.add_argument("--one-stage-only", action="store_true", help="leave the slow scheme out")
    parser.add_argument("--prompt-tokens", type=int, default=10, help="deep prompts (default 10)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
