"""What a GPU makes of the model: images a second, the share of the card's own bfloat16 peak, training steps.

    python -m benchmarks.gpu                              ViT-B/16, ViT-L/14 and zegclip-mini, batches 1 to 64
    python -m benchmarks.gpu --models ViT-B-16 --batches 32

The whole image tower in the product's precision (bfloat16 autocast), images already on the card; ViTs have
random weights. The peak is that of one large matrix product, measured in the same run; operations are counted
by torch.utils.flop_counter. A training step is ZegCLIP's, N = 10 prompts, 15 classes, crops of 512 pixels.
Without a GPU it says so and ends; `--device cpu` tries the program itself, not its figures.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.engines import encode, tower_of
from benchmarks.measuring import table
from zegclip_core import ZegCLIP, segmentation_loss
from zegclip_core.devices import inference_precision
from zegclip_core.visual_tower import VisualTower

SIZE = 512
SEEN = 15
LARGE = 8192
TRAINING_BATCHES = (4, 16)


def main() -> None:
    """Measure every model that was asked for, or say why not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="ViT-B-16,ViT-L-14,zegclip-mini")
    parser.add_argument("--batches", default="1,2,4,8,16,32,64")
    parser.add_argument("--size", type=int, default=SIZE, help="side of the images in pixels")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("skipped: no CUDA device on this machine")
        return
    device = torch.device(options.device)
    peak = matrix_peak(device, LARGE if device.type == "cuda" else LARGE // 16, options.rounds)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}; matrix product {peak / 1e12:.1f} TFLOP/s")
    for model in options.models.split(","):
        tower = tower_of(model).to(device)
        # A patch of 14 pixels does not divide 512.
        side = options.size - options.size % tower.stride
        print(f"\n{model} at {side} x {side}")
        batches = [int(batch) for batch in options.batches.split(",")]
        rows = inference_rows(tower, side, batches, device=device, peak=peak, rounds=options.rounds)
        print(table(("batch", "images/s", "share of the peak"), rows))
        if model != "zegclip-mini":
            rows = training_rows(tower, side, device=device, rounds=options.rounds)
            print(table(("training batch", "steps/s", "images/s"), rows))


def inference_rows(
    tower: VisualTower, side: int, batches: list[int], *, device: torch.device, peak: float, rounds: int
) -> list[tuple[str, str, str]]:
    """One row for each batch size; a batch that does not fit ends the table."""
    rows = []
    for batch in batches:
        images = torch.rand(batch, 3, side, side, device=device) * 2 - 1
        work = functools.partial(encode, tower, images)
        try:
            with inference_precision(device):
                with FlopCounterMode(display=False) as counter:
                    work()
                seconds = median_seconds(work, device, rounds)
        except torch.OutOfMemoryError:
            rows.append((str(batch), "out of memory", ""))
            break
        rate = counter.get_total_flops() / seconds
        rows.append((str(batch), f"{batch / seconds:.0f}", f"{rate / peak:.0%}"))
    return rows


def training_rows(
    tower: VisualTower, side: int, *, device: torch.device, rounds: int
) -> list[tuple[str, str, str]]:
    """Forward, loss, backward and AdamW step of ZegCLIP on random crops."""
    model = ZegCLIP(visual=tower.visual, stride=tower.stride, image_mean=(0.5,) * 3, image_std=(0.5,) * 3)
    model = model.to(device).train()
    optimiser = torch.optim.AdamW([parameter for _, parameter in model.learned_parameters()], lr=1e-4)
    text = F.normalize(torch.randn(SEEN, model.embed_dim, device=device), dim=-1)
    rows = []
    for batch in TRAINING_BATCHES:
        images = torch.rand(batch, 3, side, side, device=device) * 2 - 1
        labels = torch.randint(0, SEEN, (batch, side, side), device=device)

        def step(images: Tensor = images, labels: Tensor = labels) -> Tensor:
            optimiser.zero_grad(set_to_none=True)
            with inference_precision(device):
                logits = model(images, text)
            wide = F.interpolate(logits.float(), size=labels.shape[-2:], mode="bilinear")
            loss = segmentation_loss(wide, labels)
            torch.autograd.backward(loss)
            optimiser.step()
            return loss

        try:
            seconds = median_seconds(step, device, rounds)
        except torch.OutOfMemoryError:
            rows.append((str(batch), "out of memory", ""))
            break
        rows.append((str(batch), f"{1 / seconds:.2f}", f"{batch / seconds:.0f}"))
    return rows


def matrix_peak(device: torch.device, side: int, rounds: int) -> float:
    """Operations a second of a bfloat16 product of two square matrices."""
    one = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    return 2 * side**3 / median_seconds(lambda: one @ one, device, rounds)


def median_seconds(work: Callable[[], Tensor], device: torch.device, rounds: int) -> float:
    """Median over rounds after two to warm up; the device has finished when the clock is read."""
    seconds = []
    for turn in range(rounds + 2):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if turn >= 2:
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
