"""Every choice of the start stage in one frozen value."""

from dataclasses import dataclass

from training.setting_groups import require


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSettings:
    """A linear map from a classifier's features to the space of words, in closed form.

    Attributes:
        draws: photographs drawn from all data sets, half of them by class; one that is drawn twice counts
            twice.
        long_sides: longer sides in pixels at which each is seen.
        temperature: divides the classifier's logits; above 1 spreads its guesses.
        kind_weight: factor of the everyday word above a class ("dog" above "beagle") beside the class's own.
        levels: how many steps up WordNet that word is looked for.
        least_uses: uses in WordNet's corpus that make a word an everyday one.
        mask_weight: weight of the word that a mask gives a cell, beside 1 for the classifier's guess. More
            finds the words of masks better, and all others worse.
        penalty: of the ridge regression, relative to the variance of each feature.
        seed: of the draws, and of the transformer blocks, which change nothing before they are trained.

    """

    draws: int = 1600
    long_sides: tuple[int, ...] = (320,)
    temperature: float = 1.5
    kind_weight: float = 0.7
    levels: int = 4
    least_uses: int = 5
    mask_weight: float = 0.3
    penalty: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        require(self.draws >= 1, "draws", self.draws, "1 or more")
        fits = bool(self.long_sides) and all(side >= 32 for side in self.long_sides)
        require(fits, "long_sides", self.long_sides, "one or more, 32 pixels or more")
        require(self.temperature > 0, "temperature", self.temperature, "above 0")
        require(self.kind_weight >= 0, "kind_weight", self.kind_weight, "0 or more")
        require(self.levels >= 0, "levels", self.levels, "0 or more")
        require(self.mask_weight >= 0, "mask_weight", self.mask_weight, "0 or more")
        require(self.penalty > 0, "penalty", self.penalty, "above 0")
