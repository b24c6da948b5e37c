"""The job that tells how a labelling configuration is understood; the web process cannot read one itself."""

from typing import Any

from backend.jobs.predictor import installed_predictor
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import read_label_config
from backend.logs import redact
from backend.regions.registry import CONTROL_TAGS
from zegclip_core.expected_mistakes import mistake_warnings
from zegclip_core.words import WordReport, understand_words


def run_describe_labels(label_config: str, extra_params: Any) -> dict[str, Any]:
    """Return `{"controls": [{"name", "tag", "labels": […]}], "warnings": […], "measured": {…}}`.

    A label has its `name`, the `words` looked for, the `nearest` words that the model knows well, and whether
    it is `background`. `measured` tells which labels were painted as others on photographs with masks, and by
    which `model_version`: for any other version the `warnings` in it say nothing. A configuration that cannot
    be read has no controls and its error as the only warning.
    """
    try:
        config = read_label_config(label_config, control_tags=CONTROL_TAGS, extra_params=extra_params)
    except LabelConfigError as error:
        return {"controls": [], "warnings": [redact(str(error))]}
    segmenter = installed_predictor().segmenter
    controls, warnings, measured = [], list(config.warnings), []
    for target in config.targets:
        report = (
            understand_words(segmenter.text_bank, target.labels) if target.labels else WordReport((), (), ())
        )
        warnings += [f"{target.where}: {warning}" for warning in report.warnings]
        measured += [f"{target.where}: {told}" for told in mistake_warnings(report.mistakes)]
        labels = [
            {
                "name": label.name,
                "words": list(label.prompts),
                "nearest": [known.word for known in understood.nearest],
                "background": label.is_background,
            }
            for label, understood in zip(target.labels, report.labels, strict=True)
        ]
        controls.append({"name": target.from_name, "tag": target.control_type, "labels": labels})
    return {
        "controls": controls,
        "warnings": warnings,
        "measured": {"model_version": segmenter.model_version, "warnings": measured},
    }
