"""Why nothing of a labelling configuration can be painted, and what could be."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

IMAGE = "image"
_OTHER_OBJECTS = (
    "Video",
    "Pdf",
    "HyperText",
    "Text",
    "Audio",
    "AudioPlus",
    "TimeSeries",
    "Paragraphs",
    "Table",
    "List",
    "Chat",
)
_PROMPTS = ("KeyPointLabels", "KeyPoint")


def nothing_to_paint(root: Element, control_tags: Iterable[str]) -> str:
    """Return one sentence: what stands in the way, and what can be painted."""
    tags = {str(element.tag).lower() for element in root.iter()}
    possible = f"painted are <Image> with {', '.join(f'<{tag}>' for tag in control_tags)}"
    others = [tag for tag in _OTHER_OBJECTS if tag.lower() in tags]
    if IMAGE not in tags and others:
        return f"<{'>, <'.join(others)}> cannot be painted; {possible}"
    if IMAGE not in tags:
        return f"the configuration has no <Image>; {possible}"
    prompts = [tag for tag in _PROMPTS if tag.lower() in tags]
    if prompts:
        return f"<{prompts[0]}> holds prompts for smart tools, not results; {possible}"
    return f"the configuration has no control that can be painted; {possible}"
