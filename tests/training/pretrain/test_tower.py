"""The tower stage on two tiny data sets: same seed, same weights, also after an interruption; then packed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.training.pretrain.miniature_classifier import write_classifier
from training.dataset_description import DatasetClass, DatasetDescription
from training.errors import TrainingStateError
from training.label_mapping import IGNORED, NEGATIVE
from training.pretrain.__main__ import main
from training.pretrain.classifier import CLASSES, Classifier
from training.pretrain.guess_teacher import GuessTeacher
from training.pretrain.mixture import Batch, Mixture, Source
from training.pretrain.pack import pack
from training.pretrain.settings import TowerSettings
from training.pretrain.start_sums import ClassWords
from training.pretrain.stuff import STUFF
from training.pretrain.tower import TowerTraining
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, load_mini

SETTINGS = TowerSettings(
    steps=2, batch_size=2, crops=((64, 64), (64, 96)), long_sides=(64, 128), negatives=3, save_every=1
)


def write_data(folder: Path, words: tuple[str, ...]) -> DatasetDescription:
    """Two photographs of 80 x 60 pixels, the left half background, the right half one class each."""
    for number, word in enumerate(words, start=1):
        pixels = np.random.default_rng(number).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        mask = np.zeros((60, 80), np.uint8)
        mask[:, 40:] = number
        for name, content in (("images", pixels), ("masks", mask)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(folder / name / f"{word}.png")
    (folder / "train.txt").write_text("".join(f"{word}\n" for word in words))
    named = (DatasetClass(n, word, (word, f"big {word}")) for n, word in enumerate(words, start=1))
    description = DatasetDescription(
        root=folder,
        name=folder.name,
        classes=(DatasetClass(0, "background", ("background",), is_background=True), *named),
        splits={"train": "train.txt"},
        image_suffix=".png",
    )
    description.save()
    return description


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    return [
        Source(description=write_data(tmp_path / "animals", ("cat", "dog")), split="train"),
        Source(description=write_data(tmp_path / "street", ("road", "sky")), split="train", weight=2.0),
    ]


def train(sources: list[Source], folder: Path, settings: TowerSettings = SETTINGS) -> TowerTraining:
    training = TowerTraining(
        backbone=load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start"),
        sources=sources,
        vocabulary=["tree", "house"],
        settings=settings,
    )
    training.run(folder)
    return training


def test_batches_depend_on_seed_and_step_alone(sources: list[Source]) -> None:
    first, second = (Mixture(sources, settings=SETTINGS) for _ in range(2))
    second.batch(3)
    assert torch.equal(first.batch(7).images, second.batch(7).images)
    assert not torch.equal(first.batch(7).images.float().mean(), first.batch(8).images.float().mean())
    batch = first.batch(0)
    assert batch.images.shape[:2] == (2, 3)
    assert batch.images.shape[-2:] == batch.targets.shape[-2:]


def test_large_crops_are_fewer(sources: list[Source]) -> None:
    large = TowerSettings(crops=((512, 384),), batch_size=6, long_sides=(64, 128))
    assert len(Mixture(sources, settings=large).batch(0).images) == 2


def test_stuff_found_by_rules_is_background_to_the_data_set_itself() -> None:
    targets = torch.tensor([[[0, 1, 2, NEGATIVE, IGNORED]]])
    classes = (DatasetClass(1, "cow", ("cow",)), *STUFF)
    own = Batch(torch.zeros(1, 3, 1, 5), targets, classes, own=1).own_targets
    assert own.tolist() == [[[0, NEGATIVE, NEGATIVE, NEGATIVE, IGNORED]]]


def test_a_run_that_was_interrupted_ends_with_the_same_weights(sources: list[Source], tmp_path: Path) -> None:
    whole = train(sources, tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(_: object) -> None:
        if broken.step == 2:
            raise StopError

    broken = TowerTraining(
        backbone=load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start"),
        sources=sources,
        vocabulary=["tree", "house"],
        settings=SETTINGS,
    )
    with pytest.raises(StopError):
        broken.run(tmp_path / "broken", on_step=stop)
    resumed = train(sources, tmp_path / "broken")

    assert all(torch.equal(whole.average[name], resumed.average[name]) for name in whole.average)
    start = load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start").clip.visual.state_dict()
    assert not torch.equal(whole.average["visual.proj"], start["proj"])
    assert "visual.conv1.stem.blocks.6.project.weight" not in whole.average
    assert "visual.conv1.stem.blocks.7.project.weight" in whole.average


def test_a_run_can_end_before_its_schedule(sources: list[Source], tmp_path: Path) -> None:
    training = TowerTraining(
        backbone=load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start"),
        sources=sources,
        vocabulary=["tree", "house"],
        settings=SETTINGS,
    )
    training.run(tmp_path / "run", stop_after=1)
    assert training.step == 1
    assert train(sources, tmp_path / "run").step == 2


def test_half_of_the_crops_may_get_things_of_other_photographs(
    sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    pasted_into: list[int] = []

    def count(view: object, seen: object, *_: object, own: int, generator: object) -> tuple[object, object]:
        pasted_into.append(own)
        return view, seen

    monkeypatch.setattr("training.pretrain.mixture.paste", count)
    crops = 0
    for step in range(20):
        crops += len(Mixture(sources, settings=SETTINGS).batch(step).images)
    assert pasted_into == []
    pasting = Mixture(sources, settings=replace(SETTINGS, paste_share=0.5))
    for step in range(20):
        pasting.batch(step)
    assert 0.25 * crops < len(pasted_into) < 0.75 * crops
    assert set(pasted_into) == {2}


def test_stuff_is_looked_for_by_rules_unless_switched_off(
    sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_stuff(
        _: object, labels: NDArray[np.int16], classes: tuple[DatasetClass, ...]
    ) -> NDArray[np.int16]:
        return np.full_like(labels, len(classes))

    monkeypatch.setattr("training.pretrain.mixture.seed_stuff", all_stuff)
    found, none = (
        Mixture(sources, settings=replace(SETTINGS, stuff=wish)).batch(0) for wish in (True, False)
    )
    assert (found.targets == found.own).all()
    assert (none.targets < none.own).all()


def test_a_teacher_of_guesses_changes_what_is_learned_and_is_part_of_the_run(
    sources: list[Source], tmp_path: Path
) -> None:
    def training(teacher: GuessTeacher | None) -> TowerTraining:
        backbone = load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start")
        return TowerTraining(
            backbone=backbone, sources=sources, vocabulary=["tree"], settings=SETTINGS, teacher=teacher
        )

    classifier = Classifier(write_classifier(tmp_path / "mobilenet.safetensors"))
    features = torch.randn(CLASSES, 384, generator=torch.Generator().manual_seed(0))
    words = ClassWords(
        features=torch.nn.functional.normalize(features, dim=1),
        withheld=torch.zeros(CLASSES, dtype=torch.bool),
    )
    taught = training(GuessTeacher(classifier=classifier, words=words, temperature=1.5))
    alone = training(None)
    assert taught.identity() != alone.identity()
    assert float(taught.loss()[0].detach()) > float(alone.loss()[0].detach())
    taught.run(tmp_path / "taught")
    assert taught.step == 2


def test_a_folder_of_another_run_is_refused(sources: list[Source], tmp_path: Path) -> None:
    train(sources, tmp_path / "run", TowerSettings(**{**_given(SETTINGS), "steps": 1}))
    with pytest.raises(TrainingStateError, match="other data or settings"):
        train(sources, tmp_path / "run")


def test_packed_weights_load_and_carry_the_recipe(tmp_path: Path) -> None:
    start = load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start")
    trained = {
        "visual.proj": start.clip.visual.proj.detach() + 0.5,
        "logit_scale": torch.tensor(3.0),
        "none_cosine": torch.tensor(0.25),
    }
    card = pack(EMBEDDED_WEIGHTS, trained, tmp_path / "new.safetensors", training={"name": "tower"})

    loaded = load_mini(tmp_path / "new.safetensors", name="mini", revision="2")
    torch.testing.assert_close(loaded.clip.visual.proj, trained["visual.proj"], atol=1e-3, rtol=1e-3)
    assert loaded.none_cosine == pytest.approx(0.25)
    assert loaded.logit_scale == pytest.approx(float(torch.tensor(3.0).exp()), rel=1e-3)
    assert json.loads(card.read_text())["stages"][-1] == {"name": "tower"}


def test_a_blend_lies_between_the_start_and_the_trained_weights(tmp_path: Path) -> None:
    start = load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start")
    trained = {
        "visual.proj": start.clip.visual.proj.detach() + 1.0,
        "logit_scale": start.clip.logit_scale.detach(),
        "none_cosine": torch.tensor(0.25),
    }
    pack(EMBEDDED_WEIGHTS, trained, tmp_path / "new.safetensors", training={"name": "tower"})
    out = tmp_path / "blended.safetensors"
    arguments = [
        "blend",
        "--trained",
        str(tmp_path / "new.safetensors"),
        "--share",
        "0.25",
        "--out",
        str(out),
    ]

    assert main(arguments) == 0

    blended = load_mini(out, name="mini", revision="2")
    expected = start.clip.visual.proj.detach() + 0.25
    torch.testing.assert_close(blended.clip.visual.proj, expected, atol=2e-3, rtol=1e-3)
    assert start.none_cosine is not None
    assert blended.none_cosine == pytest.approx(0.75 * start.none_cosine + 0.25 * 0.25)
    stages = json.loads(out.with_suffix(".json").read_text())["stages"]
    assert [stage["name"] for stage in stages[-2:]] == ["tower", "blend"]


def test_a_share_beyond_the_trained_weights_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["blend", "--trained", str(EMBEDDED_WEIGHTS), "--share", "1.5", "--out", str(tmp_path / "x")]
    assert main(arguments) == 1
    assert "share 1.5" in capsys.readouterr().err


def test_the_command_explains_data_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tower", "--data", "nowhere", "--out", str(tmp_path)]) == 1
    assert "write FOLDER:SPLIT" in capsys.readouterr().err


def _given(settings: TowerSettings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__slots__}
