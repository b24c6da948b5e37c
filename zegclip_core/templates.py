"""Sentences that put a word into the contexts a CLIP was trained on; `{}` is the word's place."""

SLOT = "{}"

SINGLE_TEMPLATE = ("a photo of a {}",)

MINI_TEMPLATES = (
    "{}",
    "a photo of a {}.",
    "a photo of the {}.",
    "a close-up photo of a {}.",
    "there is a {} in the scene.",
)


def fill(template: str, word: str) -> str:
    """Put a word into a template. Words may hold braces: they are not read as format fields."""
    return template.replace(SLOT, word)
