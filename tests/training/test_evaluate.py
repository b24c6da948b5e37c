"""The protocol on heads whose scores are known: they read the classes off the colours of the pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.tiny import CAT, DOG, SOFA, halves, tiny_backbone, write_dataset
from training.dataset_description import DatasetDescription
from training.errors import EvaluationError, UnknownMaskIdsError
from training.evaluate import EvaluationResult, evaluate
from training.evaluation_report import PICTURE_FILE, SCORES_FILE, per_class_table, write_report
from training.setting_groups import EvaluationSettings
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.heads import HeadFeatures
from zegclip_core.labels import Label
from zegclip_core.segmenter import Segmenter

COLOURS = {"cat": 0, "kitten": 0, "dog": 1, "sofa": 2, "couch": 2}


class WordsByColour:
    """A text bank whose features name the colour channel that a word stands for."""

    def embed(self, labels: Sequence[Label]) -> tuple[Tensor, Tensor]:
        words = [(place, word) for place, label in enumerate(labels) for word in label.prompts]
        features = torch.zeros(len(words), 4)
        for row, (_, word) in enumerate(words):
            features[row, COLOURS.get(word, 3)] = 1.0
        return features, torch.tensor([place for place, _ in words])


class ColourHead:
    """A head that is sure of a class where its colour channel is bright; blind to some words."""

    def __init__(
        self, backbone: Backbone, *, none_logit: float | None = 0.0, blind: Sequence[int] = ()
    ) -> None:
        self.backbone = backbone
        self.none_logit = none_logit
        self.blind = tuple(blind)
        self.sizes: list[tuple[int, int]] = []

    def encode(self, images: Tensor) -> HeadFeatures:
        self.sizes.append((images.shape[2], images.shape[3]))
        patches = torch.nn.functional.avg_pool2d(images, 16)
        return HeadFeatures(torch.nn.functional.pad(patches, (0, 0, 0, 0, 0, 1)), torch.zeros(1, 4))

    def logits(self, features: HeadFeatures, text: Tensor) -> Tensor:
        scores = 20 * torch.einsum("bdhw,pd->bphw", features.patches, text)
        scores[:, text[:, 3] > 0] = -20.0
        for channel in self.blind:
            scores[:, text[:, channel] > 0] = -20.0
        return scores


def colour_segmenter(**options: object) -> Segmenter:
    head = ColourHead(tiny_backbone(), **options)  # type: ignore[arg-type]
    return Segmenter(head=head, text_bank=WordsByColour(), model_version="colours@1")  # type: ignore[arg-type]


@pytest.fixture
def description(tmp_path: Path) -> DatasetDescription:
    """Borders on the patch grid: everything can be right."""
    mask = np.full((64, 64), DOG)
    mask[:, :32] = CAT
    other = np.full((64, 64), SOFA)
    other[32:] = 0
    return write_dataset(tmp_path / "data", masks=[mask, other])


def score(segmenter: Segmenter, data: DatasetDescription | Path, **options: object) -> EvaluationResult:
    return evaluate(segmenter, data, "train", **options)  # type: ignore[arg-type]


def test_a_model_that_sees_everything_scores_nearly_a_hundred(description: DatasetDescription) -> None:
    document = score(colour_segmenter(), description).to_document()
    assert document["per_class"].keys() == {"cat", "dog", "sofa", "background"}
    assert document["pAcc"] > 95
    assert document["hIoU"] > 90


def test_json_has_exactly_the_agreed_keys(description: DatasetDescription) -> None:
    document = score(colour_segmenter(), description).to_document()
    assert list(document) == ["pAcc", "mIoU", "mIoU_seen", "mIoU_unseen", "hIoU", "per_class"]


def test_a_model_blind_to_the_unseen_class_has_no_harmonic_mean(description: DatasetDescription) -> None:
    document = score(colour_segmenter(blind=[2]), description).to_document()
    assert document["mIoU_unseen"] == 0.0
    assert document["hIoU"] == 0.0
    assert document["mIoU_seen"] > 50


def test_unseen_classes_can_be_chosen(description: DatasetDescription) -> None:
    result = score(colour_segmenter(blind=[2]), description, unseen=["cat"])
    assert result.unseen == ("cat",)
    assert result.to_document()["mIoU_unseen"] > 90


def test_without_background_its_pixels_count_nowhere(description: DatasetDescription) -> None:
    result = score(colour_segmenter(), description, background=False)
    assert "background" not in result.to_document()["per_class"]
    assert result.scores.p_acc > 95


def test_background_wins_by_words_where_the_model_has_no_score_for_none(
    description: DatasetDescription,
) -> None:
    """Background words take the pixels where every class is improbable: the dark ones."""
    head = colour_segmenter(none_logit=None)
    assert score(head, description).scores.per_class[3] >= 0


def test_background_cannot_be_asked_of_data_without_it(
    tmp_path: Path, description: DatasetDescription
) -> None:
    plain = DatasetDescription(
        root=description.root,
        name="plain",
        classes=description.foreground,
        splits=description.splits,
        image_suffix=".png",
        ignore_index=0,
    )
    with pytest.raises(EvaluationError, match="no background class"):
        score(colour_segmenter(), plain, background=True)
    assert "background" not in score(colour_segmenter(), plain).to_document()["per_class"]


def test_some_images_of_a_split_can_be_scored_alone(description: DatasetDescription) -> None:
    result = score(colour_segmenter(), description, ids=["picture1"])
    assert [one for one, _ in result.by_image] == ["picture1"]
    assert result.to_document()["per_class"]["cat"] is None
    with pytest.raises(EvaluationError, match="'nowhere' is no image of split 'train'"):
        score(colour_segmenter(), description, ids=["nowhere"])


def test_images_are_listed_from_the_worst(description: DatasetDescription) -> None:
    result = score(colour_segmenter(blind=[2]), description)
    assert [one for one, _ in result.by_image] == ["picture1", "picture0"]


def test_masks_with_unknown_values_are_refused(tmp_path: Path) -> None:
    data = write_dataset(tmp_path, masks=[halves(CAT, 77)])
    with pytest.raises(UnknownMaskIdsError, match="77"):
        score(colour_segmenter(), data)


def test_windows_are_those_of_the_settings_and_change_little(description: DatasetDescription) -> None:
    segmenter = colour_segmenter()
    settings = EvaluationSettings(short_side=64, long_side=64, window=32, window_stride=16)
    whole, slid = score(segmenter, description), score(segmenter, description, settings=settings)
    assert (32, 32) in segmenter.head.sizes  # type: ignore[attr-defined]
    assert slid.scores.p_acc == pytest.approx(whole.scores.p_acc, abs=5)


def test_progress_counts_images(description: DatasetDescription) -> None:
    told: list[tuple[int, int]] = []
    score(colour_segmenter(), description, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_the_table_marks_unseen_classes_and_ends_with_the_means(description: DatasetDescription) -> None:
    lines = per_class_table(score(colour_segmenter(), description)).splitlines()
    assert lines[0] == "colours@1 on tiny, split train, 2 images"
    assert lines[3].startswith("sofa")
    assert lines[3].endswith("unseen")
    assert [line.split()[0] for line in lines[-5:]] == ["pAcc", "mIoU", "mIoU(S)", "mIoU(U)", "hIoU"]


def test_a_report_has_figures_and_pictures(tmp_path: Path, description: DatasetDescription) -> None:
    segmenter = colour_segmenter()
    write_report(
        tmp_path / "report",
        score(segmenter, description),
        segmenter=segmenter,
        description=description,
        settings=None,
        words="all",
        pictures=1,
    )
    assert {one.name for one in (tmp_path / "report").iterdir()} == {SCORES_FILE, PICTURE_FILE}
