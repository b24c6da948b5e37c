"""What becomes of labels without corrections where the former model was sure of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.tiny import CAT, halves, write_dataset
from training.dataset_description import DatasetDescription
from training.kept_labels import kept_labels, shares
from zegclip_core.segmenter import Segmenter

SURE, UNSURE = 9.0, 0.1
SOFA = 2


@pytest.fixture
def description(tmp_path: Path) -> DatasetDescription:
    return write_dataset(tmp_path, masks=[halves(CAT, CAT)])


def model(*winners: tuple[int, float], digest: str = "same") -> Segmenter:
    """Gives the patches of a row to labels (cat, dog, sofa, none), with a logit each."""
    logits = np.zeros((4, 1, len(winners)), np.float32)
    for column, (place, logit) in enumerate(winners):
        logits[place, 0, column] = logit

    def patch_logits(encoded: object, labels: object) -> NDArray[np.float32]:
        assert encoded == digest, "an encoding of another tower"
        return logits

    head = SimpleNamespace(encoding_digest=digest)
    return cast("Any", SimpleNamespace(head=head, encode=lambda image: digest, patch_logits=patch_logits))


FORMER = model((SOFA, SURE), (SOFA, SURE), (SOFA, UNSURE), (0, SURE))


@pytest.mark.parametrize("digest", ["same", "another"])
def test_only_what_the_former_model_was_sure_of_counts(description: DatasetDescription, digest: str) -> None:
    new = model((SOFA, UNSURE), (3, SURE), (0, SURE), (SOFA, SURE), digest=digest)
    assert kept_labels(FORMER, new, description, ids=["picture0"], names=["sofa"]) == {"sofa": 0.5}


def test_a_label_that_the_former_model_never_saw_tells_nothing(description: DatasetDescription) -> None:
    assert kept_labels(FORMER, FORMER, description, ids=["picture0"], names=["dog"]) == {}


def test_a_handful_of_patches_tells_nothing() -> None:
    assert shares({"sofa": 9}, {"sofa": 0}, 10_000) == {}
    assert shares({"sofa": 10}, {"sofa": 4}, 10_000) == {"sofa": 0.4}
