"""The controls of a labelling configuration, one by one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from backend.label_studio.control_options import ControlOptions, read_flag, read_options
from backend.label_studio.label_declarations import (
    PATH_SEPARATOR,
    LabelSource,
    duplicates,
    read_labels,
    read_paths,
    unknown_background,
)
from backend.label_studio.nothing_to_paint import IMAGE
from backend.label_studio.targets import Target, TextPrompt
from zegclip_core.labels import Label

_LABELS = "labels"
_TEXT_AREA = "textarea"
_SEVERAL = "multiple"


class ControlReader:
    """Collects targets and warnings, control by control.

    Args:
        root: the configuration.
        controls: the SDK's controls of it.
        control_tags: tags that results can be made for, and where each declares its labels.
        extra_params: the project's own defaults.

    """

    def __init__(
        self,
        *,
        root: Element,
        controls: list[Any],
        control_tags: Mapping[str, LabelSource],
        extra_params: Any,
    ) -> None:
        self._elements = {element.get("name"): element for element in root.iter() if element.get("toName")}
        self._has_image = any(str(element.tag).lower() == IMAGE for element in root.iter())
        self._controls = controls
        self._order = [tag.lower() for tag in control_tags]
        self._sources = {tag.lower(): source for tag, source in control_tags.items()}
        self.targets: list[Target] = []
        self.warnings: list[str] = []
        if extra_params is not None and not isinstance(extra_params, Mapping):
            self.warnings.append(
                f"extra_params={str(extra_params)[:60]!r} is ignored: it must be an object of settings"
            )
            extra_params = None
        self._defaults, wrong = read_options(extra_params or {}, where="extra_params")
        self.warnings += wrong

    def read(self) -> None:
        """Read every control."""
        for control in self._controls:
            source = self._sources.get(control.tag.lower())
            if control.tag.lower() == _LABELS:
                self._read_split_form(control)
            elif source is LabelSource.PAIRED:
                if not any(_images_of(control, labels) for labels in self._labels_controls()):
                    self.warnings.append(f"{_where(control)} has no <Labels> for the same <Image>")
            elif source is not None:
                self._read_control(control, source)

    def _labels_controls(self) -> list[Any]:
        return [control for control in self._controls if control.tag.lower() == _LABELS]

    def _read_split_form(self, labels: Any) -> None:
        """Pair a `<Labels>` with the first tool for the same image."""
        for image in _images_of(labels):
            tools = [
                control
                for control in self._controls
                if self._sources.get(control.tag.lower()) is LabelSource.PAIRED
                and image in _images_of(control)
            ]
            if not tools:
                self.warnings.append(
                    f"{_where(labels)} has no tool for the same <Image>: add one, such as <Brush>"
                )
            tools.sort(key=lambda tool: self._order.index(tool.tag.lower()))
            used = next(
                (tool for tool in tools if self._add(tool, LabelSource.PAIRED, [image], labels)), None
            )
            others = [_where(tool) for tool in tools if tool is not used]
            if used is not None and others:
                self.warnings.append(
                    f"{_where(labels)} is painted with {_where(used)}; left to people: {', '.join(others)}"
                )

    def _read_control(self, control: Any, source: LabelSource) -> None:
        where = _where(control)
        if not source.is_for_regions and _flag(control.attr.get("perRegion"), default=False):
            self.warnings.append(f"{where} describes single regions (perRegion): it is left to people")
            return
        images = _images_of(control)
        if not images:
            self._tell_unconnected(control)
            return
        # One answer for several images is given for the first of them.
        self._add(control, source, images if source.is_for_regions else images[:1])

    def _tell_unconnected(self, control: Any) -> None:
        others = [found.tag for found in control.objects or ()]
        if not others:
            given = control.attr.get("toName")
            self.warnings.append(f'{_where(control)} is not connected to an <Image>: check toName="{given}"')
        elif self._has_image:
            # Without any image, one sentence about the whole configuration says it all.
            self.warnings.append(f"{_where(control)} is about <{others[0]}>: it is left to people")

    def _add(self, control: Any, source: LabelSource, images: list[Any], labels: Any = None) -> bool:
        """Add a control's targets; returns whether there are any."""
        where = _where(control)
        options = self._defaults
        for tag in (labels, control):
            if tag is not None:
                options, wrong = read_options(tag.attr, where=_where(tag), defaults=options)
                self.warnings += wrong
        if options.skip:
            self.warnings.append(f"{where} is skipped (model_skip)")
            return False
        declaring = control if labels is None else labels
        found, paths = self._labels(declaring, source, options)
        labels_field = _field(declaring.attr.get("value"))
        if not found and labels_field is None:
            self.warnings.append(f"{_where(declaring)} has no labels: nothing can be painted with it")
            return False
        self.targets += [
            Target(
                from_name=control.name,
                to_name=image.name,
                control_type=control.tag.lower(),
                data_key=str(image.value or "").lstrip("$"),
                labels=found,
                options=options,
                labels_name=None if labels is None else labels.name,
                labels_field=labels_field,
                is_list=bool(image.attr.get("valueList")),
                per_item=_flag(control.attr.get("perItem"), default=False),
                single=source is LabelSource.CHOICES and control.attr.get("choice") != _SEVERAL,
                paths=paths,
            )
            for image in images
        ]
        return True

    def _labels(
        self, control: Any, source: LabelSource, options: ControlOptions
    ) -> tuple[tuple[Label, ...], Mapping[str, tuple[str, ...]]]:
        where, element = _where(control), self._elements[control.name]
        paths: dict[str, tuple[str, ...]] = {}
        if source is LabelSource.PATHS:
            leaves = read_paths(element)
            paths = {PATH_SEPARATOR.join(path): path for path, _ in leaves}
            declared = [(PATH_SEPARATOR.join(path), attributes) for path, attributes in leaves]
        else:
            declared = [(name, tag.attr) for name, tag in (control.labels_attrs or {}).items()]
        labels, wrong = read_labels(declared, options, where)
        self.warnings += duplicates(element, where) + wrong
        if _field(control.attr.get("value")) is None:
            self.warnings += unknown_background(labels, options, where)
        return labels, paths


def text_prompts(controls: Iterable[Any]) -> Iterator[TextPrompt]:
    """Yield text fields that are named after a prompt or are smart; others hold captions and the like."""
    for control in controls:
        attributes = control.attr
        is_prompt = "prompt" in control.name.lower() or _flag(attributes.get("smart"), default=False)
        per_region = _flag(attributes.get("perRegion"), default=False)
        if control.tag.lower() == _TEXT_AREA and is_prompt and not per_region:
            for image in _images_of(control):
                yield TextPrompt(control.name, image.name, _field(attributes.get("value")))


def _where(control: Any) -> str:
    return f'<{control.tag} name="{control.name}">'


def _images_of(control: Any, other: Any = None) -> list[Any]:
    """The images that a control, and another one if it is given, are connected to."""
    images = [found for found in control.objects or () if found.tag.lower() == IMAGE]
    return images if other is None else [image for image in images if image.name in other.to_name]


def _field(value: str | None) -> str | None:
    return value[1:] if value and value.startswith("$") and len(value) > 1 else None


def _flag(value: object, *, default: bool) -> bool:
    """Read a flag of Label Studio's own; what it would not understand means the default."""
    try:
        return default if value is None else read_flag(value)
    except ValueError:
        return default
