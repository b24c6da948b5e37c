"""A project's labels as one list, whichever controls and images they stand at."""

from collections.abc import Sequence
from typing import Any

from backend.label_studio.label_config import LabelConfig, read_label_config
from backend.label_studio.targets import Target
from backend.regions.registry import CONTROL_TAGS, is_for_regions
from zegclip_core.labels import Label


def read_config(xml: str, extra_params: Any = None) -> LabelConfig:
    """Read a labelling configuration for everything that can be painted; raises `LabelConfigError`."""
    return read_label_config(xml, control_tags=CONTROL_TAGS, extra_params=extra_params)


def painted_targets(config: LabelConfig) -> list[Target]:
    """Return the controls whose results have a place in an image."""
    return [target for target in config.targets if is_for_regions(target)]


def project_labels(targets: Sequence[Target]) -> tuple[Label, ...]:
    """Return every label once, in the order of the configuration; the first of a name counts."""
    labels: dict[str, Label] = {}
    for target in targets:
        for label in target.labels:
            labels.setdefault(label.name, label)
    return tuple(labels.values())
