"""Every choice of the text stage in one frozen value."""

from dataclasses import dataclass

from training.pretrain.schedule import Schedule
from training.setting_groups import require


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSettings(Schedule):
    """Training of the text tower alone: kinds of trained things move towards them, all other words stay.

    Attributes:
        related_each_step: strings of lemmas that name, or are a kind of, a trained word.
        trained_each_step: strings of trained words themselves.
        others_each_step: strings of words that have nothing to do with trained ones.
        glosses_each_step: definitions, which keep whole sentences in place.
        levels: how many levels up a lemma's trained word is looked for.
        most_for_each: lemmas that are kept for each trained word; trees alone have 2,000.
        others: words without relation to trained ones that are kept.
        glosses: definitions that are kept.
        pull: how far a kind of a trained thing moves towards it, 0 = not, 1 = wholly. Other names of the
            same thing move wholly.
        plurals: share of strings of related and trained words in the plural.
        rate: peak learning rate.
        token_rate: peak learning rate of the token table.
        weight_decay: AdamW's decay; the token table has none, since most of its rows are never met.

    """

    steps: int = 400
    related_each_step: int = 64
    trained_each_step: int = 24
    others_each_step: int = 28
    glosses_each_step: int = 4
    levels: int = 4
    most_for_each: int = 60
    others: int = 2000
    glosses: int = 500
    pull: float = 0.6
    plurals: float = 0.1
    rate: float = 1e-3
    token_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: int = 15
    save_every: int = 40

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)
        for name in ("related_each_step", "trained_each_step", "others_each_step", "glosses_each_step"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        require(self.levels >= 0, "levels", self.levels, "0 or more")
        require(self.most_for_each >= 1, "most_for_each", self.most_for_each, "1 or more")
        require(0 <= self.pull <= 1, "pull", self.pull, "a share, 0 to 1")
        require(0 <= self.plurals <= 1, "plurals", self.plurals, "a share, 0 to 1")
