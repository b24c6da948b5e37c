"""`python -m training.pretrain tower …`: one command for each stage of making the embedded model."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from training.errors import TrainingError
from training.pretrain.blend import blend
from training.pretrain.confusion_command import add_confusion_stage, run_confusion_stage
from training.pretrain.decoder_command import add_decoder_stage, run_decoder_stage
from training.pretrain.start_command import add_start_stage, run_start_stage
from training.pretrain.tower_command import add_tower_stage, run_tower_stage
from training.pretrain.words_command import add_words_stage, run_words_stage
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS
from zegclip_core.errors import ZegCLIPError

_EXAMPLES = """examples:
  python -m training.pretrain start --classifier mobilenetv2-imagenet.safetensors \\
      --data voc_subset:train_aug --data coco_subset:train --out runs/start
  python -m training.pretrain tower --data voc_subset:train_aug:4 --data coco_subset:train:2 \\
      --data labelmefacade:test:2 --vocabulary words.txt --out runs/tower
  (ended early? the same command goes on where it was)
  python -m training.pretrain blend --trained runs/tower/zegclip-mini.safetensors --share 0.7 \\
      --out runs/tower/blended.safetensors
  python -m training.pretrain words --start runs/tower/blended.safetensors --data voc_subset \\
      --data coco_subset --out runs/words
  python -m training.pretrain confusion --data "voc_subset:val_dev:PASCAL VOC val" \\
      --data "coco_subset:val:COCO val"       (of the weights in the package, after they were replaced)
  python -m training.pretrain decoder --run runs/decoder       (of a `zegclip train` on those weights)

The first stages write OUT/zegclip-mini.safetensors and its card; `zegclip eval` measures it by that path."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        print(_STAGES[options.stage](options))
    except (TrainingError, ZegCLIPError) as error:
        print(f"pretrain {options.stage}: {error}", file=sys.stderr)
        return 1
    return 0


def _blend(options: argparse.Namespace) -> str:
    card = blend(Path(options.start), options.trained, options.share, options.out)
    return f"written: {card.with_suffix('.safetensors')} and {card.name}"


_STAGES: dict[str, Callable[[argparse.Namespace], str]] = {
    "start": run_start_stage,
    "tower": run_tower_stage,
    "blend": _blend,
    "words": run_words_stage,
    "confusion": run_confusion_stage,
    "decoder": run_decoder_stage,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.pretrain",
        description="Make the embedded model, stage by stage.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    stages = parser.add_subparsers(dest="stage", required=True)
    add_start_stage(stages)
    add_tower_stage(stages)
    add_words_stage(stages)
    add_confusion_stage(stages)
    add_decoder_stage(stages)
    mean = stages.add_parser("blend", help="weights between the start of training and its end")
    mean.add_argument("--start", default=EMBEDDED_WEIGHTS, help="weights that training continued from")
    mean.add_argument("--trained", type=Path, required=True, help="weights that it ended with")
    mean.add_argument("--share", type=float, default=0.5, help="0 = the start, 1 = the trained weights")
    mean.add_argument("--out", type=Path, required=True, help="the new weights (.safetensors)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
