"""The text stage: which words are drawn, where they should go, and that nothing else of the model moves."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from tests.training.pretrain.miniature_wordnet import write_wordnet
from tests.training.pretrain.test_tower import write_data
from training.errors import ConfigurationError, TrainingStateError
from training.pretrain.__main__ import main
from training.pretrain.blend import blend
from training.pretrain.hierarchy import Meaning
from training.pretrain.kept_features import KeptFeatures
from training.pretrain.lexicon import Lexicon, build_lexicon, plural
from training.pretrain.sentence_teacher import centred, teacher_features
from training.pretrain.text import TextTraining
from training.pretrain.text_settings import TextSettings
from training.pretrain.text_targets import moved_features, own_features
from training.pretrain.word_recall import recall
from training.pretrain.wordnet import WordNet
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, load_mini

SETTINGS = TextSettings(
    steps=2,
    related_each_step=4,
    trained_each_step=2,
    others_each_step=2,
    glosses_each_step=1,
    others=5,
    glosses=3,
    save_every=1,
)


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    wordnet = WordNet(write_wordnet(tmp_path / "wordnet"))
    return build_lexicon(wordnet, ["dog", "sofa", "couch"], SETTINGS)


def make_training(lexicon: Lexicon, settings: TextSettings = SETTINGS) -> TextTraining:
    backbone = load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start")
    words = [*lexicon.trained, *lexicon.related, *lexicon.withheld, *lexicon.others, *lexicon.glosses]
    features = own_features(backbone)(words, ("{}",))
    own = dict(zip(words, features, strict=True))
    targets = own | moved_features(own, lexicon.related, pull=settings.pull)
    return TextTraining(backbone=backbone, lexicon=lexicon, targets=targets, settings=settings)


def test_the_words_are_trained_related_and_others(lexicon: Lexicon) -> None:
    assert set(lexicon.related) == {"domestic dog", "hound", "beagle", "puppy", "settee"}
    assert "lamp" in lexicon.others
    assert not {"dog", "hound", "kitty", "laika"} & set(lexicon.others)
    assert len(lexicon.glosses) == 3
    assert not any("cute" in gloss for gloss in lexicon.glosses)


def test_withheld_lemmas_are_never_drawn(tmp_path: Path) -> None:
    wordnet = WordNet(write_wordnet(tmp_path / "wordnet"))
    hidden = build_lexicon(wordnet, ["dog"], SETTINGS, withhold=["beagle", "lamp"])
    assert set(hidden.withheld) == {"beagle"}
    training = make_training(hidden)
    drawn = {word for step in range(30) for word in training.batch(step)[1]}
    assert {"hound", "puppy", "dog"} <= drawn
    assert not {"beagle", "lamp"} & drawn

    everything = build_lexicon(wordnet, ["dog"], SETTINGS, withheld_share=1.0)
    assert not everything.related
    assert {"beagle", "hound"} <= set(everything.withheld)


def test_no_trained_word_has_more_kinds_than_wanted(tmp_path: Path) -> None:
    wordnet = WordNet(write_wordnet(tmp_path / "wordnet"))
    few = build_lexicon(wordnet, ["dog"], TextSettings(most_for_each=2))
    assert len(few.related) == 2
    assert "domestic dog" in few.related
    assert "beagle" not in few.related


def test_targets_lie_where_the_meanings_say() -> None:
    east, north, up = torch.eye(3)
    own = {"dog": east, "sofa": north, "beagle": up, "settee": up, "tyke": up}
    related = {
        "tyke": (Meaning(1.0, ("dog",), 0),),
        "beagle": (Meaning(1.0, ("dog",), 2),),
        "settee": (Meaning(0.75, ("sofa",), 0), Meaning(0.25)),
    }
    targets = moved_features(own, related, pull=0.6)
    torch.testing.assert_close(targets["tyke"], east)
    torch.testing.assert_close(targets["beagle"], F.normalize(0.6 * east + 0.4 * up, dim=0))
    torch.testing.assert_close(targets["settee"], F.normalize(0.75 * north + 0.25 * up, dim=0))


def test_plurals() -> None:
    assert [plural(word) for word in ("dog", "bus", "puppy", "boy", "bench")] == [
        *("dogs", "buses", "puppies", "boys", "benches")
    ]


def test_a_run_that_was_interrupted_ends_with_the_same_weights(lexicon: Lexicon, tmp_path: Path) -> None:
    whole = make_training(lexicon)
    whole.run(tmp_path / "whole")
    broken = make_training(lexicon)
    broken.run(tmp_path / "broken", stop_after=1)
    resumed = make_training(lexicon)
    resumed.run(tmp_path / "broken")

    assert resumed.step == 2
    assert all(torch.equal(whole.trained[name], resumed.trained[name]) for name in whole.trained)
    assert not any(name.startswith("visual.") for name in whole.trained)
    with pytest.raises(TrainingStateError, match="other data or settings"):
        make_training(lexicon, TextSettings(steps=3)).run(tmp_path / "whole")


def test_training_brings_kinds_to_their_trained_word(lexicon: Lexicon, tmp_path: Path) -> None:
    few = TextSettings(
        steps=6, warmup=0, related_each_step=8, trained_each_step=2, others_each_step=0, glosses_each_step=0
    )
    training = make_training(lexicon, few)
    embed = own_features(training.backbone)

    def likeness() -> float:
        dog, hound = embed(["dog", "hound"], ("{}",))
        return float(dog @ hound)

    before = likeness()
    training.run(tmp_path / "run")
    assert likeness() > before


def test_recall_counts_lemmas_whose_nearest_trained_word_is_right() -> None:
    places = {"dog": (1.0, 0.0), "sofa": (0.0, 1.0), "hound": (0.8, 0.6), "settee": (0.9, 0.1)}

    def embed(words: Sequence[str], _: Sequence[str]) -> torch.Tensor:
        return torch.tensor([places[word] for word in words])

    related = {"hound": (Meaning(1.0, ("dog",), 1),), "settee": (Meaning(1.0, ("sofa",), 1),)}
    assert recall(embed, ["dog", "sofa"], related) == 50.0


def test_a_teacher_is_centred_and_sees_proper_articles() -> None:
    seen: list[str] = []

    def encode(sentences: Sequence[str]) -> torch.Tensor:
        seen.extend(sentences)
        return F.normalize(torch.tensor([[len(one), 10.0] for one in sentences]), dim=1)

    embed = centred(encode, centre=["ox", "oxen", "elephant"], templates=("{}", "the {}"))
    features = embed(["ox", "a very long word"], ("{}",))
    assert features[0] @ features[1] < 0
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))
    assert "the oxen" in seen


def test_a_teacher_without_words_for_its_origin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--centre"):
        teacher_features(tmp_path, centre=[], templates=("{}",))


def test_features_are_computed_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def embed(words: Sequence[str], _: Sequence[str]) -> torch.Tensor:
        asked.extend(words)
        return torch.tensor([[float(len(word)), 1.0] for word in words])

    KeptFeatures(tmp_path, embed, source="a").features(["dog", "cattle"], ("{}",))
    again = KeptFeatures(tmp_path, embed, source="a").features(["cattle", "ox"], ("{}",))
    assert asked == ["dog", "cattle", "ox"]
    assert {word: feature.tolist() for word, feature in again.items()} == {"cattle": [6, 1], "ox": [2, 1]}
    KeptFeatures(tmp_path, embed, source="b").features(["ox"], ("{}",))
    KeptFeatures(tmp_path, embed, source="b").features(["ox"], ("the {}",))
    assert asked[3:] == ["ox", "ox"]


def test_the_command_packs_a_text_tower_beside_the_same_image_tower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, wordnet, out = tmp_path / "animals", tmp_path / "wordnet", tmp_path / "run"
    write_data(data, ("cat", "dog"))
    write_wordnet(wordnet)
    arguments = ["words", "--data", str(data), "--wordnet", str(wordnet), "--out", str(out), "--steps", "1"]
    arguments += ["--others", "4", "--related-each-step", "3", "--token-rate", "0.5"]
    assert main([*arguments, "--withhold-share", "0.5"]) == 0
    told = capsys.readouterr().out
    assert "lemmas learned: nearest to their trained word" in told
    assert "lemmas withheld: nearest to their trained word" in told

    packed, start = load_file(out / "zegclip-mini.safetensors"), load_file(EMBEDDED_WEIGHTS)
    assert all(torch.equal(packed[name], start[name]) for name in start if name.startswith("visual."))
    assert not torch.equal(packed["text_projection"], start["text_projection"])
    moved = (packed["token_embedding.weight"] != start["token_embedding.weight"]).any(dim=1)
    assert 0 < int(moved.sum()) < 500
    load_mini(out / "zegclip-mini.safetensors", name="mini", revision="2")
    stage = json.loads((out / "zegclip-mini.json").read_text())["stages"][-1]
    assert (stage["name"], stage["steps"], stage["data"]) == ("words", 1, ["animals"])

    blend(EMBEDDED_WEIGHTS, out / "zegclip-mini.safetensors", 1.0, tmp_path / "whole.safetensors")
    whole = load_file(tmp_path / "whole.safetensors")
    torch.testing.assert_close(whole["text_projection"], packed["text_projection"])
    scales = [one["token_embedding.weight_scale"].float() for one in (whole, packed)]
    torch.testing.assert_close(*scales, atol=1e-5, rtol=2e-3)
