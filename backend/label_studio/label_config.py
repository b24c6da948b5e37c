"""A project's labelling configuration, read from its XML."""

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from label_studio_sdk.label_interface import LabelInterface

from backend.label_studio.control_reader import ControlReader, text_prompts
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_declarations import LabelSource
from backend.label_studio.nothing_to_paint import nothing_to_paint
from backend.label_studio.targets import UNNAMED_FIELD, LabelConfig, Target, TextPrompt

__all__ = ["UNNAMED_FIELD", "LabelConfig", "Target", "TextPrompt", "read_label_config"]


def read_label_config(
    xml: str, *, control_tags: Mapping[str, LabelSource], extra_params: Any = None
) -> LabelConfig:
    """Read a configuration.

    Args:
        xml: the labelling configuration.
        control_tags: tags that results can be made for, such as `BrushLabels`, and where each declares its
            labels; of several tools for the same `<Labels>`, the first in this order is used.
        extra_params: the project's own defaults for the `model_*` settings, an object of JSON.

    Raises `LabelConfigError` for broken or hostile XML. Anything else becomes a warning.

    """
    root = _parse(xml)
    try:
        controls = list(LabelInterface(xml).controls)
    except Exception as error:
        # The SDK raises many kinds for configurations that Label Studio itself would refuse.
        raise LabelConfigError(f"the labelling configuration cannot be read: {error}") from error
    reader = ControlReader(root=root, controls=controls, control_tags=control_tags, extra_params=extra_params)
    reader.read()
    warnings = list(dict.fromkeys(reader.warnings))
    if not reader.targets:
        warnings.append(nothing_to_paint(root, control_tags))
    return LabelConfig(tuple(reader.targets), tuple(warnings), tuple(text_prompts(controls)))


def _parse(xml: str) -> Element:
    """Parse once without entities and outside references, which the SDK's parser would follow."""
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise LabelConfigError(f"the labelling configuration is not usable XML: {error}") from error
    return root
