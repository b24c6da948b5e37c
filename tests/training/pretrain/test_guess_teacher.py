"""A classifier's guesses teach the cells that no mask names, and those alone."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from tests.training.pretrain.miniature_classifier import write_classifier
from training.label_mapping import IGNORED
from training.pretrain.classifier import CLASSES, Classifier, guesses
from training.pretrain.guess_teacher import GuessTeacher
from training.pretrain.start_sums import ClassWords

SCALE = torch.tensor(20.0)
UNNAMED = torch.full((1, 2, 4), IGNORED)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier(write_classifier(tmp_path_factory.mktemp("classifier") / "mobilenet.safetensors"))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1


def teacher(classifier: Classifier, withheld: tuple[int, ...] = ()) -> GuessTeacher:
    """Each class is a word of its own, at right angles to all others."""
    hidden = torch.zeros(CLASSES, dtype=torch.bool)
    hidden[list(withheld)] = True
    return GuessTeacher(
        classifier=classifier, words=ClassWords(features=torch.eye(CLASSES), withheld=hidden), temperature=1.5
    )


def test_features_that_mean_the_guess_have_the_smallest_loss(
    classifier: Classifier, images: torch.Tensor
) -> None:
    chances = guesses(classifier(images)[1], temperature=1.5, withheld=torch.zeros(CLASSES, dtype=torch.bool))
    right = F.one_hot(chances.argmax(dim=1), CLASSES).permute(0, 3, 1, 2).float()
    wrong = right.roll(1, dims=1)
    losses = [float(teacher(classifier).loss(one, images, UNNAMED, SCALE)) for one in (right, wrong)]
    assert losses[0] < losses[1]


def test_named_cells_learn_nothing_from_guesses(classifier: Classifier, images: torch.Tensor) -> None:
    features = torch.zeros(1, CLASSES, 2, 4, requires_grad=True)
    cells = UNNAMED.clone()
    cells[0, 0, 1] = 3
    loss = teacher(classifier).loss(features, images, cells, SCALE)
    loss.backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    taught = features.grad[0].abs().sum(dim=0) > 0
    assert taught.tolist() == [[True, False, True, True], [True, True, True, True]]
    assert float(teacher(classifier).loss(features, images, torch.zeros_like(cells), SCALE)) == 0


def test_withheld_classes_are_neither_right_nor_wrong(classifier: Classifier, images: torch.Tensor) -> None:
    features = torch.zeros(1, CLASSES, 2, 4, requires_grad=True)
    loss = teacher(classifier, withheld=(5, 7)).loss(features, images, UNNAMED, SCALE)
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert features.grad is not None
    moved = features.grad[0].abs().sum(dim=(1, 2)) > 0
    assert not moved[[5, 7]].any()
    assert moved.sum() > 900


def test_teachers_that_guess_otherwise_are_told_apart(classifier: Classifier, tmp_path: Path) -> None:
    other = Classifier(write_classifier(tmp_path / "other.safetensors", seed=1))
    identities = {teacher(one, hidden).identity for one in (classifier, other) for hidden in ((), (5,))}
    assert len(identities) == 4
