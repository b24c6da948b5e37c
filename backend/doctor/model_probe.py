"""Load a model and paint one small picture; run as a child process by the doctor."""

import sys
import time
from pathlib import Path
from typing import cast

import numpy as np

from zegclip_core.engines.precision import EngineWish
from zegclip_core.errors import ZegCLIPError
from zegclip_core.labels import Label
from zegclip_core.segmenter import build_segmenter


def main(notation: str, cache_dir: str, engine: EngineWish) -> int:
    """Print one line about the model and return 0, or 1 when it cannot be used."""
    try:
        started = time.perf_counter()
        segmenter = build_segmenter(notation, cache_dir=Path(cache_dir), engine=engine)
        loaded = time.perf_counter()
        segmenter.segment(np.full((64, 64, 3), 128, np.uint8), [Label("cat", ("cat",))])
    except ZegCLIPError as error:
        print(error)  # noqa: T201 (read by the parent)
        return 1
    place = f"{segmenter.head.backbone.device} with {segmenter.head.tower.engine_name}"
    print(f"{segmenter.model_version} loads in {loaded - started:.1f} s and paints on {place}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], cast("EngineWish", sys.argv[3])))
