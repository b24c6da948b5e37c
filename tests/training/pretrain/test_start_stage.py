"""The start stage: what guesses and masks teach, that the tower computes it, and what may not be seen."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.training.pretrain.miniature_classifier import write_classifier
from tests.training.pretrain.miniature_wordnet import write_wordnet
from tests.training.pretrain.test_tower import write_data
from training.dataset_description import DatasetDescription
from training.errors import StartModelError
from training.pretrain.__main__ import main
from training.pretrain.classifier import Classifier, guesses
from training.pretrain.imagenet import ImageNetClass, everyday_word, imagenet_classes, kinds_of
from training.pretrain.mixture import Source
from training.pretrain.ridge import LowRankMap
from training.pretrain.start import class_words, set_start
from training.pretrain.start_settings import StartSettings
from training.pretrain.start_sums import ClassWords, drawn, gather
from training.pretrain.text_targets import own_features
from training.pretrain.wordnet import WordNet
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, load_mini


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier(write_classifier(tmp_path_factory.mktemp("classifier") / "mobilenet.safetensors"))


@pytest.fixture
def animals(tmp_path: Path) -> DatasetDescription:
    return write_data(tmp_path / "animals", ("cat", "dog"))


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    return WordNet(write_wordnet(tmp_path / "wordnet"))


def synset(wordnet: WordNet, lemma: str) -> int:
    return wordnet.visible(lemma)[0].offset


def test_imagenets_classes_are_its_identifiers_numbers() -> None:
    classes = imagenet_classes()
    assert len(classes) == 1000
    assert classes[0] == ImageNetClass("tench", 1440764)
    assert classes[162] == ImageNetClass("Beagle", 2088364)


def test_the_everyday_word_is_the_nearest_that_people_use(wordnet: WordNet) -> None:
    beagle = synset(wordnet, "beagle")
    assert everyday_word(wordnet, beagle, levels=4, least_uses=5) == "dog"
    assert everyday_word(wordnet, beagle, levels=1, least_uses=5) is None
    assert everyday_word(wordnet, synset(wordnet, "dog"), levels=0, least_uses=5) == "dog"


def test_kinds_of_withheld_words_are_found_by_name_and_by_wordnet(wordnet: WordNet) -> None:
    classes = (
        ImageNetClass("Beagle", synset(wordnet, "beagle")),
        ImageNetClass("lamp", synset(wordnet, "lamp")),
        ImageNetClass("Dog", synset(wordnet, "lamp")),
        ImageNetClass("settee", wordnet.senses["settee"][1].offset),
    )
    assert kinds_of(wordnet, classes, ["dog"], levels=4) == {0, 2}
    assert kinds_of(wordnet, classes, ["couch"], levels=4) == {3}
    assert kinds_of(wordnet, classes, [], levels=4) == frozenset()


def test_a_class_means_its_name_and_the_everyday_word(
    backbone: Backbone, wordnet: WordNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = (
        ImageNetClass("beagle", synset(wordnet, "beagle")),
        ImageNetClass("lamp", synset(wordnet, "lamp")),
    )
    monkeypatch.setattr("training.pretrain.start.imagenet_classes", lambda: classes)
    meant = class_words(backbone, wordnet, StartSettings(kind_weight=0.5), withheld=["dog"])
    beagle, dog, lamp = own_features(backbone)(["beagle", "dog", "lamp"], backbone.templates)
    torch.testing.assert_close(meant.features[0], F.normalize(beagle + 0.5 * dog, dim=0))
    torch.testing.assert_close(meant.features[1], lamp)
    assert meant.withheld.tolist() == [True, False]


def test_classes_that_are_withheld_are_never_guessed() -> None:
    logits = torch.tensor([5.0, 1.0, 0.0]).view(1, 3, 1, 1)
    chances = guesses(logits, temperature=2.0, withheld=torch.tensor([True, False, False])).flatten()
    assert chances[0] == 0
    assert float(chances[1] / chances[2]) == pytest.approx(np.exp(0.5), rel=1e-5)


def test_the_classifiers_background_is_no_class(tmp_path: Path) -> None:
    images = torch.zeros(1, 3, 32, 64)
    with_much, without = (
        Classifier(write_classifier(tmp_path / f"{background}.safetensors", background))
        for background in (1e6, 0.0)
    )
    features, logits = with_much(images)
    assert features.shape == (1, 1376, 2, 4)
    assert logits.shape == (1, 1000, 2, 4)
    torch.testing.assert_close(logits, without(images)[1])


def test_another_file_is_no_classifier(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    for name in ("other.safetensors", "missing.safetensors"):
        with pytest.raises(StartModelError, match=name):
            Classifier(tmp_path / name)


def test_half_of_the_photographs_are_drawn_by_class(animals: DatasetDescription) -> None:
    source = Source(description=animals, split="train", withheld=("dog",))
    counts = drawn(source, source.mapping(), draws=40, seed=0)
    # No class is left that the photograph of the dog shows: it comes by chance alone, a quarter of the time.
    assert counts.total() == 40
    assert 6 <= counts["dog"] <= 14


def test_masks_outvote_guesses_where_they_weigh_more(
    backbone: Backbone, classifier: Classifier, animals: DatasetDescription
) -> None:
    lamp = own_features(backbone)(["lamp"], backbone.templates)
    guessed = ClassWords(features=lamp.expand(1000, -1), withheld=torch.zeros(1000, dtype=torch.bool))

    def mean_target(*, withheld: tuple[str, ...], mask_weight: float) -> Tensor:
        settings = StartSettings(draws=4, long_sides=(64,), mask_weight=mask_weight)
        sources = [Source(description=animals, split="train", withheld=withheld)]
        moments = gather(
            sources, backbone=backbone, classifier=classifier, guessed=guessed, settings=settings
        )
        return F.normalize(moments.mean_target, dim=0)

    cat, dog = own_features(backbone)(["cat", "dog"], backbone.templates)
    by_guesses = mean_target(withheld=("dog",), mask_weight=0.0)
    by_masks = mean_target(withheld=("dog",), mask_weight=9.0)
    torch.testing.assert_close(by_guesses, lamp[0], rtol=1e-4, atol=1e-4)
    assert by_masks @ cat > by_guesses @ cat + 0.3
    assert by_masks @ dog < by_masks @ cat
    both = mean_target(withheld=(), mask_weight=9.0)
    assert both @ dog > by_masks @ dog + 0.2


def test_the_tower_computes_the_map(classifier: Classifier) -> None:
    fresh = load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start")
    generator = torch.Generator().manual_seed(0)
    down = torch.randn(1376, 256, generator=generator)
    down -= down.mean(dim=1, keepdim=True)
    bias = torch.randn(256, generator=generator)
    mapped = LowRankMap(down, bias - bias.mean(), torch.randn(256, 384, generator=generator))
    set_start(fresh.clip.visual, classifier, mapped, seed=0)

    images = torch.rand(1, 3, 64, 96, generator=generator) * 2 - 1
    patches, _ = fresh.encode_image(images)
    features, _ = classifier(images)
    expected = F.normalize(mapped(features[0].flatten(1).T), dim=1)
    torch.testing.assert_close(patches[0].flatten(1).T, expected, rtol=1e-3, atol=1e-3)
    assert fresh.clip.visual.transformer.resblocks[0].attn.in_proj_weight.std() > 0


def test_the_command_packs_a_tower_whose_card_owes_nothing_to_the_old_one(
    animals: DatasetDescription,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wordnet = WordNet(write_wordnet(tmp_path / "wordnet"))
    classes = [ImageNetClass("beagle", synset(wordnet, "beagle"))]
    classes += [ImageNetClass("lamp", synset(wordnet, "lamp"))] * 999
    monkeypatch.setattr("training.pretrain.start.imagenet_classes", lambda: classes)
    arguments = [
        *("start", "--classifier", str(write_classifier(tmp_path / "classifier.safetensors"))),
        *("--data", f"{animals.root}:train", "--withhold", "dog", "--withhold-guesses"),
        *("--wordnet", str(tmp_path / "wordnet"), "--draws", "4", "--out", str(tmp_path / "start")),
    ]
    assert main(arguments) == 0
    assert "1 of ImageNet's classes were not guessed" in capsys.readouterr().out

    weights = tmp_path / "start" / "zegclip-mini.safetensors"
    card = json.loads(weights.with_suffix(".json").read_text())
    assert [stage["name"] for stage in card["stages"]] == ["words", "start"]
    assert card["stages"][-1]["withheld"] == ["big dog", "dog"]
    assert card["stages"][-1]["classes not guessed"] == 1
    assert not {"training", "train_seconds", "data", "parity"} & set(card)
    load_mini(weights, name="mini", revision="new")
    made, before = load_file(weights), load_file(EMBEDDED_WEIGHTS)
    for name, tensor in before.items():
        assert name.startswith("visual.") or torch.equal(tensor, made[name])
