"""Checks of the labelling configurations that Label Studio told about."""

from collections.abc import Iterator

from backend.doctor.finding import Finding, failed, ok, warning
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import read_label_config
from backend.projects import ProjectStore
from backend.regions.registry import CONTROL_TAGS
from backend.settings import Settings
from zegclip_core.word_checks import label_set_warnings

_WORDS_CURE = (
    'give the label other words: <Label value="…" prompt="cat|kitten"/>; `zegclip words` shows the effect'
)


def check_label_configs(settings: Settings) -> Iterator[Finding]:
    """What each project's configuration asks for, and what of it is not understood."""
    for project in ProjectStore(folder=settings.data_dir / "projects").all():
        name = f"labels of project {project.id}"
        try:
            config = read_label_config(
                project.label_config, control_tags=CONTROL_TAGS, extra_params=project.extra_params
            )
        except LabelConfigError as error:
            yield failed(name, str(error), "mend it in the project's Settings, Labeling Interface")
            continue
        for words in config.warnings:
            yield warning(name, words, "see the project's Settings, Labeling Interface")
        for target in config.targets:
            shown = ", ".join(f"{label.name} ({' | '.join(label.prompts)})" for label in target.labels)
            yield ok(name, f"{target.from_name} paints {shown}")
            for words in label_set_warnings(target.labels):
                yield warning(name, f"{target.where}: {words}", _WORDS_CURE)
