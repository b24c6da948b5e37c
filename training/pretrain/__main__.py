"""`python -m training.pretrain tower …`: one command for each stage of making the embedded model."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from training.dataset_description import DatasetDescription
from training.errors import ConfigurationError, TrainingError
from training.pretrain.blend import blend
from training.pretrain.mixture import Source
from training.pretrain.settings import TowerSettings
from training.pretrain.stage_command import add_run_options, chosen, run_and_pack
from training.pretrain.tower import TowerTraining
from training.pretrain.words_command import add_words_stage, run_words_stage
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, load_mini
from zegclip_core.errors import ZegCLIPError

_EXAMPLES = """examples:
  python -m training.pretrain tower --data voc_subset:train_aug:4 --data coco_subset:train:2 \\
      --data labelmefacade:test:2 --vocabulary words.txt --out runs/tower
  (ended early? the same command goes on where it was)
  python -m training.pretrain blend --trained runs/tower/zegclip-mini.safetensors --share 0.7 \\
      --out runs/tower/blended.safetensors
  python -m training.pretrain words --data voc_subset --data coco_subset --out runs/words

Writes OUT/zegclip-mini.safetensors and its card; `zegclip eval` measures it by that path."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.stage == "words":
            print("\n".join(run_words_stage(options)))
        else:
            (_blend if options.stage == "blend" else _tower)(options)
    except (TrainingError, ZegCLIPError) as error:
        print(f"pretrain {options.stage}: {error}", file=sys.stderr)
        return 1
    return 0


def _tower(options: argparse.Namespace) -> None:
    settings = chosen(options, TowerSettings(), _CHOICES)
    words = options.vocabulary.read_text("utf-8").splitlines() if options.vocabulary else []
    training = TowerTraining(
        backbone=load_mini(Path(options.start), name="zegclip-mini", revision="start"),
        sources=[_source(text) for text in options.data],
        vocabulary=[word.strip() for word in words if word.strip()],
        settings=settings,
    )
    recipe = {
        "name": "tower",
        "what": "image tower end to end on masks with words",
        "data": [f"{one.description.name}:{one.split}:{one.weight:g}" for one in training.mixture.sources],
    }
    print(run_and_pack(training, options, settings, watched="words", recipe=recipe))


def _blend(options: argparse.Namespace) -> None:
    card = blend(Path(options.start), options.trained, options.share, options.out)
    print(f"written: {card.with_suffix('.safetensors')} and {card.name}")


_CHOICES = ("steps", "batch_size", "stem_rate", "tower_rate", "seed")


def _source(text: str) -> Source:
    """Read `FOLDER:SPLIT[:WEIGHT]`. Raises `ConfigurationError` for another form."""
    folder, _, rest = text.partition(":")
    split, _, weight = rest.partition(":")
    try:
        share = float(weight or 1)
    except ValueError:
        share = 0.0
    if not split or share <= 0:
        raise ConfigurationError(
            f"--data {text!r}: write FOLDER:SPLIT or FOLDER:SPLIT:WEIGHT, weight above 0"
        )
    return Source(description=DatasetDescription.load(folder), split=split, weight=share)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.pretrain",
        description="Make the embedded model, stage by stage.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    stages = parser.add_subparsers(dest="stage", required=True)
    tower = stages.add_parser("tower", help="image tower, end to end, on masks with words")
    tower.add_argument("--data", action="append", required=True, metavar="FOLDER:SPLIT[:WEIGHT]")
    tower.add_argument("--vocabulary", type=Path, help="file of words for negatives, one a line")
    add_run_options(tower, TowerSettings(), _CHOICES)
    add_words_stage(stages)
    mean = stages.add_parser("blend", help="weights between the start of training and its end")
    mean.add_argument("--start", default=EMBEDDED_WEIGHTS, help="weights that training continued from")
    mean.add_argument("--trained", type=Path, required=True, help="weights that it ended with")
    mean.add_argument("--share", type=float, default=0.5, help="0 = the start, 1 = the trained weights")
    mean.add_argument("--out", type=Path, required=True, help="the new weights (.safetensors)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
