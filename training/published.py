"""The checkpoints that ZegCLIP's authors published, with the classes that each benchmark means."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from training.configuration import Mode
from training.converters.class_list import load_class_list
from training.recipe_files import load_recipe
from training.words import class_labels
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.checkpoints.convert import convert_upstream
from zegclip_core.checkpoints.facts import TrainedClass
from zegclip_core.templates import SINGLE_TEMPLATE, ZEGCLIP_TEMPLATES

# Recipe and class list of each benchmark.
BENCHMARKS: Mapping[str, str] = MappingProxyType(
    {"voc": "voc", "coco-stuff": "coco_stuff", "context": "context"}
)


def import_published(
    source: Path, folder: Path, *, benchmark: str, mode: Mode, backbone: Backbone | None = None
) -> str:
    """Turn a published `.pth` file, which does not say its classes, into a compact checkpoint.

    Classes, seen and unseen, words, templates and seen bias are those of the benchmark's recipe.

    Args:
        source: the authors' file.
        folder: where the checkpoint goes.
        benchmark: a key of `BENCHMARKS`.
        mode: how the file was trained; inductive models keep the released bias against seen classes.
        backbone: the CLIP to refer to; None writes the file's own towers into the folder.

    Returns the SHA-256 of the weights; errors as for `convert_upstream`.

    """
    listed = load_class_list(BENCHMARKS[benchmark])
    unseen = () if mode == "fully" else listed.unseen_names("standard")
    recipe = load_recipe(benchmark, mode)
    foreground = [one for one in listed.dataset_classes() if not one.is_background]
    classes = [
        TrainedClass(name=label.name, prompts=label.prompts, seen=label.name not in unseen)
        for label in class_labels(foreground, recipe.data.words)
    ]
    return convert_upstream(
        source,
        folder,
        name=f"zegclip-{benchmark}-{mode}",
        classes=classes,
        templates=SINGLE_TEMPLATE if recipe.data.templates == "single" else ZEGCLIP_TEMPLATES,
        seen_bias=recipe.evaluation.seen_bias,
        backbone=backbone,
    )
