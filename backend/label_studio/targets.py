"""What a labelling configuration asks for: controls on images."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.label_studio.control_options import ControlOptions
from zegclip_core.labels import Label

# Label Studio's name for the only field of a task that was uploaded without names.
UNNAMED_FIELD = "$undefined$"


@dataclass(frozen=True, slots=True)
class Target:
    """One control that results can be made for, on one image.

    Attributes:
        from_name: the control's name.
        to_name: the name of the image it paints on.
        control_type: the control's tag in lower case, which is the type of its regions.
        data_key: the field of a task's data that holds the image's address.
        labels: in the order of the configuration; the name of each is what results carry.
        options: how regions are made.
        labels_name: of the split form, the name of the `<Labels>` that goes with the control.
        labels_field: the field of a task's data that brings labels of its own.
        is_list: whether the field holds a list of images (`valueList`).
        per_item: whether a control for whole images has a result for each of a list.
        single: whether only one label may be chosen for an image.
        paths: of a taxonomy, from a label's name to its path.

    """

    from_name: str
    to_name: str
    control_type: str
    data_key: str
    labels: tuple[Label, ...]
    options: ControlOptions
    labels_name: str | None = None
    labels_field: str | None = None
    is_list: bool = False
    per_item: bool = False
    single: bool = False
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The control in words."""
        return f"<{self.control_type}> {self.from_name!r}"


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """A text field whose words are painted too.

    Attributes:
        name: the text field's name.
        to_name: the image it is about.
        data_key: the field of a task's data that fills it; None when only people do.

    """

    name: str
    to_name: str
    data_key: str | None


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What a configuration asks for.

    Attributes:
        targets: controls that can be painted.
        warnings: what was not understood or cannot be done, in words for the project's owner.
        text_prompts: text fields whose words are painted.

    """

    targets: tuple[Target, ...]
    warnings: tuple[str, ...]
    text_prompts: tuple[TextPrompt, ...] = ()
