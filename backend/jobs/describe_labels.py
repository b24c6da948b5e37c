"""The job that tells how a labelling configuration is understood; the web process cannot read one itself."""

from typing import Any

from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import read_label_config
from backend.logs import redact
from backend.regions.registry import CONTROL_TAGS


def run_describe_labels(label_config: str, extra_params: Any) -> dict[str, Any]:
    """Return `{"controls": [{"name", "tag", "labels": [{"name", "words", "background"}]}], "warnings": […]}`.

    A configuration that cannot be read has no controls and its error as the only warning.
    """
    try:
        config = read_label_config(label_config, control_tags=CONTROL_TAGS, extra_params=extra_params)
    except LabelConfigError as error:
        return {"controls": [], "warnings": [redact(str(error))]}
    controls = [
        {
            "name": target.from_name,
            "tag": target.control_type,
            "labels": [
                {"name": label.name, "words": list(label.prompts), "background": label.is_background}
                for label in target.labels
            ],
        }
        for target in config.targets
    ]
    return {"controls": controls, "warnings": list(config.warnings)}
