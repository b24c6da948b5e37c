"""Labels become text features: templates averaged, synonyms kept apart, any text finite, nothing twice."""

import logging
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_clip import tiny_backbone
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.errors import LabelError
from zegclip_core.labels import Label
from zegclip_core.templates import ZEGCLIP_TEMPLATES
from zegclip_core.text_bank import TextBank, clean_word

STRANGE_WORDS = [
    "🐈‍⬛",
    "猫",
    "кошка",
    "قطة",
    "ქატი",
    "e\u0301cole",
    "\u200b",
    "a\x00b",
    "half \ud83d character",
    "{}",
    "{0} {name}",
    "%s",
    "<|endoftext|>",
    "a whole sentence about a cat that lies on a red sofa while it rains outside",
    "word " * 300,
    "x" * 5000,
]


def label(*words: str) -> Label:
    return Label(name=words[0], prompts=words)


class CountingBackbone:
    """A backbone whose sentences are counted."""

    def __init__(self) -> None:
        self.backbone = tiny_backbone()
        self.sentences: list[str] = []
        encode = self.backbone.encode_text

        def counted(sentences: list[str]) -> torch.Tensor:
            self.sentences += sentences
            return encode(sentences)

        self.backbone.encode_text = counted  # type: ignore[method-assign,assignment]


def test_a_feature_is_the_unit_mean_of_the_unit_features_of_the_sentences() -> None:
    backbone = tiny_backbone()
    features, owners = TextBank(backbone=backbone, templates=("{}", "two {}s", "no {}")).embed([label("cat")])
    sentences = backbone.encode_text(["cat", "two cats", "no cat"]).double().numpy()
    mean = sentences.mean(axis=0)
    np.testing.assert_allclose(features[0].numpy(), mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-5)
    assert owners.tolist() == [0]


def test_synonyms_stay_rows_of_their_own_and_know_their_label() -> None:
    bank = TextBank(backbone=tiny_backbone())
    features, owners = bank.embed([label("cat", "kitten"), label("sofa"), label("dog", "cat")])
    assert owners.tolist() == [0, 0, 1, 2, 2]
    assert torch.equal(features[0], features[4])
    assert not torch.allclose(features[0], features[1])


def test_one_feature_for_a_label_is_the_unit_mean_of_its_words() -> None:
    bank = TextBank(backbone=tiny_backbone())
    features, _ = bank.embed([label("cat", "kitten")])
    mean = features.mean(dim=0)
    torch.testing.assert_close(bank.embed_mean([label("cat", "kitten")])[0], mean / mean.norm())


@pytest.mark.parametrize("number", range(len(STRANGE_WORDS)))
def test_any_text_has_a_finite_unit_feature(number: int) -> None:
    features, _ = TextBank(backbone=tiny_backbone()).embed([label(STRANGE_WORDS[number], "cat")])
    assert features.isfinite().all()
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))


def test_the_embedded_model_answers_any_text_too() -> None:
    bank = TextBank(backbone=load_backbone(parse_notation("zegclip-mini")))
    features, _ = bank.embed([label(word) for word in STRANGE_WORDS])
    assert features.isfinite().all()
    torch.testing.assert_close(features.norm(dim=1), torch.ones(len(STRANGE_WORDS)))


def test_an_empty_word_gets_the_feature_of_the_bare_sentences() -> None:
    backbone = tiny_backbone()
    features, _ = TextBank(backbone=backbone, templates=("a photo of {}",)).embed([label("\u200b \x85")])
    assert features.isfinite().all()


def test_five_hundred_labels_are_answered_in_their_order() -> None:
    bank = TextBank(backbone=tiny_backbone())
    words = [f"thing number {number}" for number in range(500)]
    features, owners = bank.embed([label(word) for word in words])
    assert features.shape == (500, 24)
    assert owners.tolist() == list(range(500))
    torch.testing.assert_close(features[499:], bank.embed([label(words[499])])[0])


def test_text_beyond_the_context_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    bank = TextBank(backbone=tiny_backbone())
    with caplog.at_level(logging.WARNING):
        bank.embed([label("a short one")])
        assert not caplog.records
        bank.embed([label("long " * 100)])
    assert "the end is left out" in caplog.text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  traffic \n light ", "traffic light"),
        ("traffic_light", "traffic light"),
        ("half \ud83d", "half ?"),
        ("x" * 3000, "x" * 1000),
        ("", ""),
    ],
)
def test_words_are_looked_up_by_their_clean_form(text: str, clean: str) -> None:
    assert clean_word(text) == clean


def test_no_label_and_no_place_for_the_word_are_refused() -> None:
    with pytest.raises(LabelError, match="at least one word"):
        TextBank(backbone=tiny_backbone()).embed([])
    for templates in ((), ("a photo",)):
        with pytest.raises(LabelError, match="for the word"):
            TextBank(backbone=tiny_backbone(), templates=templates)


def test_a_word_is_encoded_once_however_often_it_is_asked() -> None:
    counting = CountingBackbone()
    bank = TextBank(backbone=counting.backbone)
    bank.embed([label("cat", "kitten"), label("dog", "cat")])
    bank.embed([label("dog"), label("mouse")])
    assert sorted(counting.sentences) == [
        f"a photo of a {word}" for word in ("cat", "dog", "kitten", "mouse")
    ]


def test_memory_of_words_is_bounded_and_a_forgotten_word_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zegclip_core.text_bank._WORDS_IN_MEMORY", 3)
    bank = TextBank(backbone=tiny_backbone())
    first, _ = bank.embed([label("one")])
    bank.embed([label(word) for word in ("two", "three", "four", "five")])
    assert len(bank._memory) == 3
    assert torch.equal(bank.embed([label("one")])[0], first)


def test_features_on_disk_are_found_by_the_next_run(tmp_path: Path) -> None:
    labels = [label("cat", "kitten"), label("dog")]
    first, _ = TextBank(backbone=tiny_backbone(), cache_dir=tmp_path).embed(labels)
    counting = CountingBackbone()
    second, _ = TextBank(backbone=counting.backbone, cache_dir=tmp_path).embed(labels)
    assert counting.sentences == []
    assert torch.equal(first, second)


def test_other_sentences_and_other_weights_have_features_of_their_own(tmp_path: Path) -> None:
    labels = [label("cat")]
    backbone = tiny_backbone()
    TextBank(backbone=backbone, cache_dir=tmp_path).embed(labels)
    TextBank(backbone=backbone, cache_dir=tmp_path, templates=("{}",)).embed(labels)
    other: Backbone = tiny_backbone(seed=1)
    other.digest = "1" * 64
    TextBank(backbone=other, cache_dir=tmp_path).embed(labels)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_file_is_computed_again_and_mended(tmp_path: Path) -> None:
    labels = [label("cat")]
    first, _ = TextBank(backbone=tiny_backbone(), cache_dir=tmp_path).embed(labels)
    [file] = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    for expected in (1, 0):
        counting = CountingBackbone()
        again, _ = TextBank(backbone=counting.backbone, cache_dir=tmp_path).embed(labels)
        assert torch.equal(first, again)
        # What is not sound on disk is computed; the second reader finds it mended.
        assert len(counting.sentences) in {expected, 1}


def test_the_published_features_are_unit_means_as_ours_are(shared_dir: Path) -> None:
    """True CLIP features: of single sentences for VOC, of 15 averaged sentences for COCO-Stuff."""
    folder = shared_dir / "weights" / "text-embeddings"
    for name, words in (("zegclip_voc12_single", 20), ("zegclip_coco_multi", 171)):
        features = np.load(folder / f"{name}.npy").astype(np.float64)
        assert features.shape[0] == words
        np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=2e-3)
    assert len(ZEGCLIP_TEMPLATES) == 15


def test_composed_and_decomposed_characters_are_the_same_word() -> None:
    bank = TextBank(backbone=tiny_backbone())
    composed, decomposed = (unicodedata.normalize(form, "école") for form in ("NFC", "NFD"))
    first, second = (bank.embed([label(word)])[0] for word in (composed, decomposed))
    torch.testing.assert_close(first, second)
