"""A project's labelling configuration, as what is to be painted and where it goes."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from label_studio_sdk.label_interface import LabelInterface

from backend.label_studio.control_options import WORD_SLOT, ControlOptions, read_flag, read_options
from backend.label_studio.errors import LabelConfigError
from zegclip_core.labels import Label, split_synonyms

IMAGE_TAG = "Image"
_OTHER_OBJECTS = ("Video", "Pdf", "HyperText", "Text", "Audio", "TimeSeries", "Paragraphs", "Table")
# Label Studio's name for the only field of a task that was uploaded without names.
UNNAMED_FIELD = "$undefined$"


@dataclass(frozen=True, slots=True)
class Target:
    """One control that regions can be made for.

    Attributes:
        from_name: the control's name.
        to_name: the name of the image it paints on.
        control_type: the control's tag in lower case, which is the type of its regions.
        data_key: the field of a task's data that holds the image's address.
        labels: in the order of the configuration; the name of each is what results carry.
        options: how regions are made.

    """

    from_name: str
    to_name: str
    control_type: str
    data_key: str
    labels: tuple[Label, ...]
    options: ControlOptions


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What a configuration asks for.

    Attributes:
        targets: controls that can be painted.
        warnings: what was not understood or cannot be done, in words for the project's owner.

    """

    targets: tuple[Target, ...]
    warnings: tuple[str, ...]


def read_label_config(
    xml: str, *, control_tags: Collection[str], extra_params: Mapping[str, Any] | None = None
) -> LabelConfig:
    """Read a configuration.

    Args:
        xml: the labelling configuration.
        control_tags: tags that regions can be made for, such as `BrushLabels`.
        extra_params: the project's own defaults for the `model_*` settings.

    Raises `LabelConfigError` for broken or hostile XML. Anything else becomes a warning.

    """
    root = _parse(xml)
    try:
        interface = LabelInterface(xml)
        controls = list(interface.controls)
    except Exception as error:
        # The SDK raises many kinds for configurations that Label Studio itself would refuse.
        raise LabelConfigError(f"the labelling configuration cannot be read: {error}") from error
    warnings = _duplicates(root)
    defaults, wrong = read_options(extra_params or {}, where="extra_params")
    warnings += wrong
    targets = []
    for control in controls:
        if control.tag in control_tags:
            found, notes = _read_control(control, defaults)
            targets += found
            warnings += notes
    if not targets:
        warnings.append(_nothing_to_paint(root, control_tags))
    return LabelConfig(tuple(targets), tuple(warnings))


def _parse(xml: str) -> Element:
    """Parse once without entities and outside references, which the SDK's parser would follow."""
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise LabelConfigError(f"the labelling configuration is not usable XML: {error}") from error
    return root


def _read_control(control: Any, defaults: ControlOptions) -> tuple[list[Target], list[str]]:
    where = f'<{control.tag} name="{control.name}">'
    options, warnings = read_options(control.attr, where=where, defaults=defaults)
    if options.skip:
        return [], [*warnings, f"{where} is skipped (model_skip)"]
    labels, wrong = _labels(control, options, where)
    warnings += wrong
    if not labels:
        return [], [*warnings, f"{where} has no labels: nothing can be painted with it"]
    images = [found for found in control.objects or () if found.tag == IMAGE_TAG]
    if not images:
        return [], [
            *warnings,
            f'{where} is not connected to an <Image>: check toName="{control.attr.get("toName")}"',
        ]
    targets = [
        Target(
            from_name=control.name,
            to_name=image.name,
            control_type=control.tag.lower(),
            data_key=str(image.value or "").lstrip("$"),
            labels=tuple(labels),
            options=options,
        )
        for image in images
    ]
    return targets, warnings


def _labels(control: Any, options: ControlOptions, where: str) -> tuple[list[Label], list[str]]:
    labels, warnings = [], []
    for name, tag in (control.labels_attrs or {}).items():
        try:
            is_background = read_flag(tag.attr.get("model_background", "false"))
        except ValueError:
            given = tag.attr["model_background"]
            warnings.append(
                f"{where}, label {name!r}: model_background={given!r} is ignored: it must be true or false"
            )
            is_background = False
        words = label_words(tag.attr)
        if not words:
            warnings.append(f"{where}: a label without any word is left out")
            continue
        if options.prompt:
            words = tuple(options.prompt.replace(WORD_SLOT, word) for word in words)
        labels.append(Label(name, words, is_background or name in options.background))
    unknown = options.background - {label.name for label in labels}
    if unknown:
        warnings.append(f"{where}: model_background names no label of it: {', '.join(sorted(unknown))}")
    return labels, warnings


def label_words(attributes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that the model looks for.

    The first that is there: `prompt` (synonyms separated by `|`), `predicted_values` (separated by commas),
    `hint`, and the label's visible `value`.
    """
    predicted = attributes.get("predicted_values", "").replace(",", "|")
    for text in (
        attributes.get("prompt", ""),
        predicted,
        attributes.get("hint", ""),
        attributes.get("value", ""),
    ):
        words = split_synonyms(text)
        if words:
            return words
    return ()


def _duplicates(root: Element) -> list[str]:
    warnings = []
    for control in root.iter():
        if control.get("toName"):
            names = Counter(
                label.get("alias") or label.get("value") for label in control.iter() if label.tag == "Label"
            )
            warnings += [
                f'<{control.tag} name="{control.get("name")}">: label {name!r} is there {count} times; '
                "the last one counts"
                for name, count in names.items()
                if name and count > 1
            ]
    return warnings


def _nothing_to_paint(root: Element, control_tags: Collection[str]) -> str:
    tags = {element.tag for element in root.iter()}
    possible = f"painted are <Image> with {', '.join(f'<{tag}>' for tag in sorted(control_tags))}"
    others = sorted(tags & set(_OTHER_OBJECTS))
    if IMAGE_TAG not in tags and others:
        return f"<{'>, <'.join(others)}> cannot be painted; {possible}"
    if IMAGE_TAG not in tags:
        return f"the configuration has no <Image>; {possible}"
    return f"the configuration has no control that can be painted; {possible}"
