"""`zegclip train`: train ZegCLIP on a data set, or go on with a run that was ended."""

import argparse
import contextlib
import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.logs import configure_logging
from backend.torchrun_settings import load_torchrun_settings

if TYPE_CHECKING:
    from training.progress import Progress

_EXAMPLES = """examples:
  zegclip train datasets/voc --mode inductive --recipe voc --out runs/voc
  zegclip train datasets/voc --mode transductive --recipe voc --out runs/voc-st
  zegclip train my-photos/ --mode fully --recipe zegclip-mini --out runs/mine
  zegclip train datasets/voc --recipe voc --out runs/short --set optimisation.iterations=500 --set seed=1
  torchrun --nproc-per-node 4 -m backend train datasets/voc --recipe voc --out runs/voc     (four GPUs)

The recipe says everything about a run: voc, coco-stuff and context are the papers', zegclip-mini is for the
embedded model on a machine without a GPU; a .toml file of your own overrides any setting. --mode inductive
hides the unseen classes of dataset.json, transductive knows their names and self-trains on their pixels,
fully learns all classes.

A run lives in --out: model/ (load it anywhere a model is named), log.jsonl with one line a step, losses.png,
samples.png, and state.bin. Ended early? The same command goes on where it was, with identical result."""

# A module that adds its own way of training to this command: `add_arguments(parser)` and `run(arguments)`,
# which is called when no data set is named.
_PROJECT_MODULE = "backend.cli.train_project"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "train",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", nargs="?", type=Path, metavar="DATASET", help="dataset.json or its folder")
    parser.add_argument(
        "--mode",
        choices=("inductive", "transductive", "fully"),
        default="inductive",
        help="what may be known of unseen classes (default: inductive)",
    )
    parser.add_argument("--recipe", default="zegclip-mini", help="name or .toml file (default: %(default)s)")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="GROUP.NAME=VALUE",
        help="override a setting of the recipe; may be given again and again",
    )
    parser.add_argument("--out", type=Path, help="folder of the run")
    parser.add_argument(
        "--start-from",
        default=None,
        metavar="MODEL",
        help="checkpoint to start from: folder, or zegclip-mini-decoder (with model.prompt_tokens=10)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=None,
        help="folder for features of frozen parts (default: in --data-dir)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_settings_flags(parser, "device", "threads", "data_dir", "log_level")
    parser.set_defaults(run=run)
    if importlib.util.find_spec(_PROJECT_MODULE):
        importlib.import_module(_PROJECT_MODULE).add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, and say where the model is."""
    if arguments.dataset is None and importlib.util.find_spec(_PROJECT_MODULE):
        return int(importlib.import_module(_PROJECT_MODULE).run(arguments))
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    from training.errors import ConfigurationError
    from training.processes import ALONE, joined
    from training.recipe_files import load_recipe
    from training.run import train
    from zegclip_core.devices import choose_device
    from zegclip_core.processor import prepare_processor

    if arguments.dataset is None or arguments.out is None:
        raise ConfigurationError("name a data set and --out: zegclip train DATASET --out runs/first")
    prepare_processor(threads=settings.threads)
    configuration = load_recipe(arguments.recipe, arguments.mode, arguments.overrides)
    torchrun = load_torchrun_settings()
    device = torchrun.device(settings.device)
    with contextlib.ExitStack() as stack:
        processes = ALONE
        if torchrun.world_size > 1:
            processes = stack.enter_context(
                joined(rank=torchrun.rank, count=torchrun.world_size, device=choose_device(device))
            )
        hidden = arguments.quiet or not processes.is_first
        bar = stack.enter_context(tqdm(total=1, unit="step", disable=hidden or None))

        def show(progress: "Progress") -> None:
            bar.total = progress.iterations
            bar.set_postfix_str(f"{progress.phase}, loss {progress.loss:.3f}", refresh=False)
            bar.update(progress.iteration - bar.n)

        trained = train(
            configuration,
            dataset=arguments.dataset,
            out=arguments.out,
            start_from=arguments.start_from,
            device=device,
            cache_dir=arguments.cache or settings.data_dir / "models",
            processes=processes,
            progress=show,
        )
    if not processes.is_first:
        return 0
    print(f"{trained.iterations} steps, last loss {trained.loss:.3f}")
    print(f"model: {trained.folder}")
    print(f"pictures: {arguments.out / 'losses.png'}, {arguments.out / 'samples.png'}")
    return 0
