"""Words of a data set's classes to text features, the way a recipe says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor

from training.dataset_description import DatasetClass
from training.setting_groups import DataSettings
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.labels import Label
from zegclip_core.templates import SINGLE_TEMPLATE, ZEGCLIP_TEMPLATES
from zegclip_core.text_bank import TextBank

Words = Literal["names", "first", "all"]


def class_labels(classes: Sequence[DatasetClass], words: Words) -> list[Label]:
    """Return the classes as labels: with their plain names, their first prompt word, or all of them."""
    return [Label(name=one.name, prompts=_chosen(one, words)) for one in classes]


def _chosen(one: DatasetClass, words: Words) -> tuple[str, ...]:
    if words == "names":
        return (one.name,)
    return one.prompts[:1] if words == "first" else one.prompts


def recipe_templates(settings: DataSettings, backbone: Backbone) -> tuple[str, ...]:
    """Return the sentences that a recipe puts words into."""
    return {
        "single": SINGLE_TEMPLATE,
        "ensemble": ZEGCLIP_TEMPLATES,
        "backbone": tuple(backbone.templates),
    }[settings.templates]


def class_text(
    classes: Sequence[DatasetClass],
    *,
    backbone: Backbone,
    settings: DataSettings,
    cache_dir: Path | None = None,
) -> Tensor:
    """Return one unit text feature for each class, (C, D)."""
    bank = TextBank(backbone=backbone, templates=recipe_templates(settings, backbone), cache_dir=cache_dir)
    return bank.embed_mean(class_labels(classes, settings.words))
