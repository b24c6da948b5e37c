"""Every choice of the tower stage in one frozen value."""

from dataclasses import dataclass

from training.pretrain.schedule import Schedule
from training.setting_groups import require


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerSettings(Schedule):
    """End-to-end training of the image tower on masks with words.

    Attributes:
        batch_size: crops of 256 x 256 pixels in one step, all from one data set; larger crops are fewer.
        crops: heights and widths of crops in pixels; one is drawn for each step.
        long_sides: smallest and largest longer side that a photograph is scaled to before it is cropped.
        whole_share: share of steps that see whole photographs, squeezed into the crop.
        paste_share: share of crops that get a thing of another photograph of their data set pasted in.
        stuff: whether rules of place and colour look for stuff in photographs whose masks hold things only.
        stem_rate: peak learning rate of the convolutional stem.
        tower_rate: peak learning rate of all other parts of the image tower.
        averaging: decay of the running mean of weights, which is what is kept.
        negatives: words drawn from the vocabulary for each step.
        negative_weight: factor of the loss against those words.
        label_set_weight: factor of the loss over label sets that are drawn from words and stuff.
        memory_weight: factor of the loss that holds features of labelled cells and the class token near
            those of the start, so that words without masks are not forgotten.
        unnamed_weight: factor of the loss that holds the cells without a word near the start, withheld words
            among them; for starts that know more words than the masks do.
        memory_every: steps between those that count those two losses, which cost a second forward pass.
        guess_weight: factor of the loss that teaches cells without a word what a classifier takes them for;
            only with a classifier.
        frozen_blocks: the first blocks of the stem, which stay as they are: edges look alike everywhere.
        word_noise: standard deviation of noise added to unit text features, which brings synonyms in reach.
        relatives: words with a larger cosine are no negatives of each other.

    """

    steps: int = 3000
    batch_size: int = 6
    crops: tuple[tuple[int, int], ...] = (
        *((256, 256), (256, 256), (320, 256), (256, 320), (320, 320)),
        *((384, 384), (512, 384), (384, 512)),
    )
    long_sides: tuple[int, int] = (288, 704)
    whole_share: float = 0.25
    paste_share: float = 0.0
    stuff: bool = True
    stem_rate: float = 3e-5
    tower_rate: float = 1.5e-4
    weight_decay: float = 0.05
    warmup: int = 100
    averaging: float = 0.998
    negatives: int = 150
    negative_weight: float = 0.5
    label_set_weight: float = 0.5
    memory_weight: float = 0.3
    unnamed_weight: float = 0.0
    memory_every: int = 2
    guess_weight: float = 0.5
    frozen_blocks: int = 7
    word_noise: float = 0.02
    relatives: float = 0.35
    save_every: int = 200

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)
        require(self.batch_size >= 1, "batch_size", self.batch_size, "1 or more")
        multiples = all(side > 0 and side % 32 == 0 for crop in self.crops for side in crop)
        require(bool(self.crops) and multiples, "crops", self.crops, "multiples of 32 pixels")
        low, high = self.long_sides
        require(0 < low <= high, "long_sides", self.long_sides, "ascending and above 0")
        require(0 <= self.whole_share <= 1, "whole_share", self.whole_share, "a share, 0 to 1")
        require(0 <= self.paste_share <= 1, "paste_share", self.paste_share, "a share, 0 to 1")
        require(0 <= self.averaging < 1, "averaging", self.averaging, "from 0 up to, not including, 1")
        require(self.memory_every >= 1, "memory_every", self.memory_every, "1 or more")
        require(self.frozen_blocks >= 0, "frozen_blocks", self.frozen_blocks, "0 or more")
