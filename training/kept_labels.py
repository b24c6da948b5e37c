"""What a new model still paints of labels that nobody annotated, where the former one was sure of them.

A hold-out of corrections shows none of these labels, so no IoU can tell whether they are lost. The former
model is the only witness there is; it is asked only where it is sure.
"""

from collections.abc import Callable, Mapping, Sequence

from training.dataset_description import DatasetDescription
from training.dataset_files import read_image
from training.words import class_labels
from zegclip_core.labelling import softmax
from zegclip_core.segmenter import Segmenter

CONFIDENCE = 0.7
# Of all patches that were looked at, a label needs this share before its fate tells anything.
SMALLEST_SHARE = 0.001


def kept_labels(
    former: Segmenter,
    new: Segmenter,
    description: DatasetDescription,
    *,
    ids: Sequence[str],
    names: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """Return for each label the share (0 to 1) of its sure patches that the new model gives it, too.

    All labels compete, and "none of these" or background words, as in predictions.

    Args:
        former: the model in service.
        new: the candidate.
        description: the data set.
        ids: its images without correction.
        names: the labels without corrections; those that the former model is hardly ever sure of are left
            out.
        progress: told the number of images done and of all.

    Raises `MissingImageError` or `UnreadableImageError`.

    """
    labels = class_labels(description.foreground, "all")
    places = {one.name: place for place, one in enumerate(labels) if one.name in names}
    sure, kept = dict.fromkeys(places, 0), dict.fromkeys(places, 0)
    patches = 0
    alike = former.head.encoding_digest == new.head.encoding_digest
    for done, image_id in enumerate(ids, start=1):
        image = read_image(description, image_id)
        encoded = former.encode(image)
        before = softmax(former.patch_logits(encoded, labels))
        after = new.patch_logits(encoded if alike else new.encode(image), labels).argmax(axis=0)
        certain = before.max(axis=0) > CONFIDENCE
        patches += certain.size
        for name, place in places.items():
            mine = certain & (before.argmax(axis=0) == place)
            sure[name] += int(mine.sum())
            kept[name] += int((mine & (after == place)).sum())
        progress(done, len(ids))
    return shares(sure, kept, patches)


def shares(sure: Mapping[str, int], kept: Mapping[str, int], patches: int) -> dict[str, float]:
    """Return kept over sure for labels whose sure patches are more than a few of all."""
    return {
        name: kept[name] / count
        for name, count in sure.items()
        if count and count >= SMALLEST_SHARE * patches
    }
