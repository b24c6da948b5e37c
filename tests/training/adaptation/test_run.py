"""An adaptation from a data set to a folder, on a tiny CLIP and pictures of coloured squares."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_clip import tiny_backbone
from tests.training.tiny import CAT, DOG, SOFA, halves, write_dataset
from training.adaptation.run import adapt
from training.adaptation.settings import AdaptationSettings
from training.adaptation.views import AdaptationViews
from training.dataset_description import DatasetDescription
from training.errors import ConfigurationError, RunStoppedError, TrainingStateError
from training.label_mapping import NEGATIVE, map_labels
from training.progress import Progress
from training.run import TrainedModel
from zegclip_core.adaptation.files import adaptation_manifest, load_adaptation
from zegclip_core.backbones.backbone import Backbone

SETTINGS = AdaptationSettings(iterations=6, images=2, unlabelled_images=1, hidden=4, save_every=2)
UNLABELLED = np.full((64, 64), SOFA)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone(none_cosine=0.1)


@pytest.fixture
def description(tmp_path: Path) -> DatasetDescription:
    masks = [halves(CAT, DOG), halves(DOG, CAT), UNLABELLED]
    return write_dataset(tmp_path / "data", masks=masks)


Run = Callable[..., TrainedModel]


@pytest.fixture
def run(tmp_path: Path, description: DatasetDescription, backbone: Backbone) -> Run:
    def start(out: str = "run", settings: AdaptationSettings = SETTINGS, **more: object) -> TrainedModel:
        return adapt(
            settings,
            model="tiny",
            dataset=description.root,
            split="train",
            out=tmp_path / out,
            cache_dir=tmp_path / "cache",
            device="cpu",
            **{"backbone": backbone} | more,  # type: ignore[arg-type]
        )

    return start


def weights(trained: TrainedModel, backbone: Backbone) -> dict[str, torch.Tensor]:
    manifest = adaptation_manifest(trained.folder)
    assert manifest is not None
    return load_adaptation(trained.folder, manifest, backbone).state_dict()


def test_the_loss_falls(run: Run) -> None:
    told: list[Progress] = []
    run(
        settings=AdaptationSettings(iterations=40, images=2, hidden=4, learning_rate=0.02),
        progress=told.append,
    )
    losses = [one.loss for one in told]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert (told[0].phase, told[-1].iteration, told[-1].iterations) == ("self_training", 40, 40)


def test_a_stopped_run_ends_with_the_weights_of_one_that_never_stopped(run: Run, backbone: Backbone) -> None:
    whole = weights(run("whole"), backbone)
    steps = iter([False, False, True])
    with pytest.raises(RunStoppedError):
        run("stopped", should_stop=lambda: next(steps))
    again: list[Progress] = []
    resumed = weights(run("stopped", progress=again.append), backbone)
    assert [one.iteration for one in again] == [4, 5, 6]
    for name, value in whole.items():
        assert torch.equal(resumed[name], value), name


def test_a_folder_of_another_run_is_refused(run: Run) -> None:
    run()
    with pytest.raises(TrainingStateError, match="other settings"):
        run(settings=AdaptationSettings(iterations=7, images=2, hidden=4))


def test_a_clip_that_knows_no_patches_is_refused(run: Run) -> None:
    with pytest.raises(ConfigurationError, match="not trained on patches"):
        run(backbone=tiny_backbone())


@pytest.fixture
def views(description: DatasetDescription, backbone: Backbone, tmp_path: Path) -> AdaptationViews:
    return AdaptationViews(
        description=description,
        ids=description.ids("train"),
        mapping=map_labels(description, "self_training", background="negative"),
        backbone=backbone,
        target_stride=4,
        cache_dir=tmp_path / "cache",
    )


def test_images_are_sorted_by_what_is_known_of_them(views: AdaptationViews) -> None:
    assert views.by_label == [["picture0", "picture1"], ["picture0", "picture1"]]
    assert views.unlabelled == ["picture2"]


def test_a_mirrored_view_has_mirrored_targets(views: AdaptationViews) -> None:
    patches, targets = views.view("picture0", mirrored=False)
    mirrored, mirrored_targets = views.view("picture0", mirrored=True)
    assert patches.shape == (1, 24, 4, 4)
    assert targets.shape == (16, 16)
    assert torch.equal(targets.flip(1), mirrored_targets)
    assert not torch.equal(patches, mirrored)
    assert set(targets.unique().tolist()) == {0, 1, NEGATIVE}
