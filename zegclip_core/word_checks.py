"""What can be said about a label's words without any model (no torch here)."""

import unicodedata
from collections.abc import Sequence

from zegclip_core.labels import Label

# English words that a sentence may have before it is more than a name.
_MOST_WORDS = 6
MANY_LABELS = 200
_PLACEHOLDERS = frozenset(
    {"other", "others", "none", "nothing", "misc", "unknown", "object", "thing", "class"}
)


def word_warnings(word: str) -> list[str]:
    """Return why a CLIP, which has read English captions, may not understand a word; empty when it may."""
    letters = [character for character in word if character.isalpha()]
    if not letters:
        kind = "an emoji or sign" if word.strip() else "empty"
        return [f"it is {kind}: name the thing with an English word"]
    warnings = []
    scripts = sorted({_script(letter) for letter in letters} - {"LATIN"})
    if scripts:
        warnings.append(
            f"it is written in {', '.join(scripts).lower()} letters, the model has read English: "
            "give an English word"
        )
    elif any(ord(letter) > 127 for letter in letters):
        warnings.append("it looks like another language, the model has read English: give an English word")
    if len(word.split()) > _MOST_WORDS:
        warnings.append("it is a whole sentence: one noun, with one adjective at most, works better")
    stripped = word.lower().strip(" 0123456789_-")
    if (len(letters) == 1 and not scripts) or stripped in _PLACEHOLDERS:
        warnings.append("it does not say what the thing looks like: name what can be seen")
    return warnings


def label_set_warnings(labels: Sequence[Label]) -> list[str]:
    """Return the warnings for all words of a label set, each beginning with its label."""
    warnings = [
        f"{label.name!r}: {warning}"
        for label in labels
        for word in label.prompts
        for warning in word_warnings(word)
    ]
    if len(labels) >= MANY_LABELS:
        warnings.append(
            f"{len(labels)} labels compete for every pixel: fewer labels give better masks in less time"
        )
    return warnings


def _script(letter: str) -> str:
    """The first word of a letter's Unicode name, which is its script: LATIN, CYRILLIC, CJK …"""
    return unicodedata.name(letter, "UNKNOWN").split()[0]
