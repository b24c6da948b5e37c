"""Checks of the labelling configurations that Label Studio told about."""

from collections.abc import Callable, Iterator, Sequence

from backend.doctor.finding import Finding, failed, ok, warning
from backend.doctor.words_probe import UnderstoodSet, understand_label_sets
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import LabelConfig, read_label_config
from backend.learning.learning_storage import open_learning
from backend.learning.served_version import served_version
from backend.projects import Project, ProjectStore
from backend.regions.registry import CONTROL_TAGS
from backend.settings import Settings
from zegclip_core.labels import Label
from zegclip_core.word_checks import label_set_warnings

_WORDS_CURE = (
    'give the label other words: <Label value="…" prompt="cat|kitten"/>; `zegclip words` shows the effect'
)
_MEASURED_CURE = (
    "look at these labels first when you correct, or give them other words; "
    "`zegclip words LABELS --dataset …` measures on your own photographs"
)
Understand = Callable[[Settings, Sequence[Sequence[Label]]], list[UnderstoodSet] | None]


def check_label_configs(
    settings: Settings, understand: Understand = understand_label_sets
) -> Iterator[Finding]:
    """What each project's configuration asks for, what of it is not understood, what the model mixes up.

    Args:
        settings: of the product.
        understand: asks the model about label sets; where it cannot be asked, the words alone are judged.

    """
    read = [
        (project, _read(project)) for project in ProjectStore(folder=settings.data_dir / "projects").all()
    ]
    asked = [
        target.labels
        for _, config in read
        if not isinstance(config, LabelConfigError)
        for target in config.targets
        if target.labels
    ]
    answers = iter((understand(settings, asked) if asked else None) or ())
    for project, config in read:
        name = f"labels of project {project.id}"
        if isinstance(config, LabelConfigError):
            yield failed(name, str(config), "mend it in the project's Settings, Labeling Interface")
            continue
        for words in config.warnings:
            yield warning(name, words, "see the project's Settings, Labeling Interface")
        for target in config.targets:
            shown = ", ".join(f"{label.name} ({' | '.join(label.prompts)})" for label in target.labels)
            yield ok(name, f"{target.from_name} paints {shown}")
            understood = next(answers, None) if target.labels else None
            doubts = understood.warnings if understood else label_set_warnings(target.labels)
            for words in doubts:
                yield warning(name, f"{target.where}: {words}", _WORDS_CURE)
            if understood and understood.model_version == _served(settings, project, understood):
                for words in understood.measured:
                    yield warning(name, f"{target.where}: {words}", _MEASURED_CURE)


def _read(project: Project) -> LabelConfig | LabelConfigError:
    try:
        return read_label_config(
            project.label_config, control_tags=CONTROL_TAGS, extra_params=project.extra_params
        )
    except LabelConfigError as error:
        return error


def _served(settings: Settings, project: Project, understood: UnderstoodSet) -> str:
    return served_version(open_learning(settings), project.key or None, base=understood.model_version)
