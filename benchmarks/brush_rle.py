"""Brush codec against the SDK's, on masks that models and brushes make: `python -m benchmarks.brush_rle`.

Both run in this process, one after the other, round by round; the ratio is that of the medians.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from label_studio_sdk.converter.brush import decode_rle as sdk_decode
from label_studio_sdk.converter.brush import mask2rle as sdk_encode
from numpy.typing import NDArray

from backend.regions.brush_rle import decode_rle, encode_mask

Mask = NDArray[np.uint8]
_SALT = 0.02
_PIXELS = 1_000_000


def disk(height: int, width: int) -> Mask:
    """A filled circle."""
    mask = np.zeros((height, width), np.uint8)
    return cv2.circle(mask, (width // 2, height // 2), height // 3, 255, -1)


def blobs(height: int, width: int) -> Mask:
    """About ninety smooth parts, as a model paints them."""
    noise = np.random.default_rng(0).random((12, 16)).astype(np.float32)
    smooth = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.where(smooth > 0.5, 255, 0).astype(np.uint8)


def noisy(height: int, width: int) -> Mask:
    """The same with two per cent of the pixels turned over."""
    salt = np.random.default_rng(1).random((height, width)) < _SALT
    return np.where(salt, 255 - blobs(height, width), blobs(height, width)).astype(np.uint8)


def empty(height: int, width: int) -> Mask:
    """Nothing at all."""
    return np.zeros((height, width), np.uint8)


MASKS: dict[str, Callable[[int, int], Mask]] = {"empty": empty, "disk": disk, "blobs": blobs, "noisy": noisy}
SIZES = {"64x64": (64, 64), "1024x1024": (1024, 1024), "4000x3000": (3000, 4000)}


def seconds(call: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[float, Any]:
    """Return what a call took, and its result."""
    started = time.perf_counter()
    result = call(*arguments, **named)
    return time.perf_counter() - started, result


def compare(mask: Mask, rounds: int) -> Iterator[tuple[str, float, float]]:
    """Yield what was done, the SDK's median and ours, in seconds."""
    height, width = mask.shape
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        sdk, expected = seconds(sdk_encode, mask)
        own, encoded = seconds(encode_mask, mask)
        if encoded != expected:
            raise SystemExit("the two encoders differ")
        times.setdefault("sdk encode", []).append(sdk)
        times.setdefault("own encode", []).append(own)
        sdk, _ = seconds(sdk_decode, expected)
        own, decoded = seconds(decode_rle, expected, width=width, height=height)
        if not np.array_equal(decoded, mask):
            raise SystemExit("the decoder is wrong")
        times.setdefault("sdk decode", []).append(sdk)
        times.setdefault("own decode", []).append(own)
    for verb in ("encode", "decode"):
        yield verb, statistics.median(times[f"sdk {verb}"]), statistics.median(times[f"own {verb}"])


def main() -> None:
    """Print one row for every mask and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| mask | size | what | SDK ms | own ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size, (height, width) in SIZES.items():
        for name, make in MASKS.items():
            # Small masks take microseconds: many rounds, so that the first calls do not count.
            for verb, sdk, own in compare(make(height, width), max(rounds, _PIXELS // (height * width))):
                print(
                    f"| {name} | {size} | {verb} | {sdk * 1e3:.3f} | {own * 1e3:.3f} | {sdk / own:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
