"""What the user wants painted: names and the words that describe them (no torch here)."""

from collections.abc import Iterable
from dataclasses import dataclass

from zegclip_core.errors import LabelError

SYNONYM_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Label:
    """One label and the words the model looks for.

    Attributes:
        name: the key that results carry (Label Studio: the label's alias, else its value).
        prompts: one or more words or phrases with the same meaning; the best match counts.
        is_background: whether pixels of this label are left unpainted.

    """

    name: str
    prompts: tuple[str, ...]
    is_background: bool = False

    def __post_init__(self) -> None:
        if not self.prompts or not all(prompt.strip() for prompt in self.prompts):
            raise LabelError(
                f"label {self.name!r} has no words: give it a name or a prompt with letters in it"
            )


def split_synonyms(text: str) -> tuple[str, ...]:
    """Split `"cat|kitten"` into `("cat", "kitten")`, without blanks and repetitions."""
    words = (" ".join(part.split()) for part in text.split(SYNONYM_SEPARATOR))
    return tuple(dict.fromkeys(word for word in words if word))


def plain_word(word: str) -> str:
    """Bring a word to the form that words are compared in: case, underscores and blanks do not count."""
    return " ".join(word.replace("_", " ").casefold().split())


def parse_words(text: str) -> list[Label]:
    """Read a comma-separated label set such as `"cat|kitten, sofa, person"`.

    The first synonym is the label's name. Raises `LabelError` when no word is left or a name comes twice.
    """
    synonyms = [split_synonyms(part) for part in text.split(",")]
    labels = [Label(name=words[0], prompts=words) for words in synonyms if words]
    if not labels:
        raise LabelError(f"no label in {text!r}: write words separated by commas, such as 'cat, sofa'")
    require_distinct_names(labels)
    return labels


def require_distinct_names(labels: Iterable[Label]) -> None:
    """Raise `LabelError` when two labels share a name."""
    seen: set[str] = set()
    for label in labels:
        if label.name in seen:
            raise LabelError(f"label {label.name!r} is given twice: names must differ")
        seen.add(label.name)
