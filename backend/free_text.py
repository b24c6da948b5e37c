"""Free text as a prompt: "red car" is painted although no label says so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from backend.label_studio.label_config import LabelConfig, Target
from zegclip_core.labels import Label

_SEPARATORS = str.maketrans({"\n": ",", ";": ","})
_MOST_PHRASES = 50
_LONGEST_PHRASE = 200


def phrases_in_context(context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the phrases of an interactive request's text fields, without repetitions."""
    texts: list[Any] = []
    result = context.get("result")
    for region in result if isinstance(result, list) else ():
        if isinstance(region, Mapping) and str(region.get("type")).lower() == "textarea":
            value = region.get("value")
            texts.append(value.get("text") if isinstance(value, Mapping) else None)
    return _phrases(texts)


def phrases_in_task(config: LabelConfig, data: Mapping[str, Any], to_name: str) -> tuple[str, ...]:
    """Return the phrases with which a task's data fills the text prompts of one image."""
    fields = [prompt.data_key for prompt in config.text_prompts if prompt.to_name == to_name]
    return _phrases([data.get(field) for field in fields if field is not None])


def phrase_target(target: Target, phrases: Sequence[str], chosen: frozenset[str]) -> Target:
    """Return a target that paints phrases on the image of another.

    The labels that the phrases do not speak of compete without being painted. The name of each painted label
    is its phrase: `relabel` puts the project's label into its place.
    """
    spoken = {label_for(phrase, target.labels, chosen) for phrase in phrases}
    own = tuple(Label(phrase, (phrase,)) for phrase in phrases)
    others = tuple(
        replace(label, is_background=True)
        for label in target.labels
        if label.name not in spoken and label.name not in phrases
    )
    return replace(target, labels=own + others)


def relabel(
    results: Sequence[dict[str, Any]], labels: Sequence[Label], chosen: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """Put the project's label into regions that were painted for a phrase, which stays in their `meta`.

    A phrase that no label fits makes a region without a label: a person names it.
    """
    for found in results:
        value = dict(found["value"])
        key = next((name for name in (found["type"], "labels") if name in value), None)
        phrase = value[key][0] if key else ""
        if key:
            label = label_for(phrase, labels, chosen)
            value[key] = [] if label is None else [label]
        yield {**found, "value": value, **({"meta": {"text": [phrase]}} if key else {})}


def label_for(phrase: str, labels: Sequence[Label], chosen: frozenset[str]) -> str | None:
    """Return the label of a phrase: the one that its last words name, else the chosen one, else the only one.

    Args:
        phrase: such as "red car".
        labels: of the control.
        chosen: labels that the person has picked, such as those of the request's regions.

    """
    words = phrase.casefold()
    named = [
        (len(prompt), label.name)
        for label in labels
        for prompt in {label.name.casefold(), *(prompt.casefold() for prompt in label.prompts)}
        if words == prompt or words.endswith(" " + prompt)
    ]
    if named:
        return max(named)[1]
    picked = [label.name for label in labels if label.name in chosen]
    if len(picked) == 1:
        return picked[0]
    return labels[0].name if len(labels) == 1 else None


def _phrases(texts: Sequence[Any]) -> tuple[str, ...]:
    lines = [line for text in texts for line in (text if isinstance(text, list) else [text])]
    parts = [
        " ".join(part.split())[:_LONGEST_PHRASE]
        for line in lines
        if isinstance(line, str)
        for part in line.translate(_SEPARATORS).split(",")
    ]
    return tuple(dict.fromkeys(part for part in parts if part))[:_MOST_PHRASES]
