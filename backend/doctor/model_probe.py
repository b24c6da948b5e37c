"""Load a model and paint one small picture; run as a child process by the doctor."""

import sys
import time
from pathlib import Path

import numpy as np

from zegclip_core.errors import ZegCLIPError
from zegclip_core.labels import Label
from zegclip_core.segmenter import build_segmenter


def main(notation: str, cache_dir: str) -> int:
    """Print one line about the model and return 0, or 1 when it cannot be used."""
    try:
        started = time.perf_counter()
        segmenter = build_segmenter(notation, cache_dir=Path(cache_dir))
        loaded = time.perf_counter()
        segmenter.segment(np.full((64, 64, 3), 128, np.uint8), [Label("cat", ("cat",))])
    except ZegCLIPError as error:
        print(error)  # noqa: T201 (read by the parent)
        return 1
    device = segmenter.head.backbone.device
    print(f"{segmenter.model_version} loads in {loaded - started:.1f} s and paints on {device}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
