"""The embedded model: an open_clip CLIP described by its card, refused when it is not what the card says."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, dequantised, load_mini
from zegclip_core.errors import WeightsError
from zegclip_core.guarded_open_clip import open_clip


@pytest.fixture(scope="module")
def mini() -> Backbone:
    return load_mini(EMBEDDED_WEIGHTS, name="zegclip-mini", revision="1")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for source in (EMBEDDED_WEIGHTS, EMBEDDED_WEIGHTS.with_suffix(".json")):
        shutil.copy(source, tmp_path)
    return tmp_path / EMBEDDED_WEIGHTS.name


def edit_card(weights: Path, **changes: object) -> None:
    card = weights.with_suffix(".json")
    document = json.loads(card.read_text()) | changes
    card.write_text(json.dumps({name: value for name, value in document.items() if value is not None}))


def test_it_is_an_open_clip_model(mini: Backbone) -> None:
    assert type(mini.clip) is open_clip.CLIP
    assert isinstance(mini.clip.visual, open_clip.transformer.VisionTransformer)


def test_constants_are_those_of_the_card(mini: Backbone) -> None:
    card = json.loads(EMBEDDED_WEIGHTS.with_suffix(".json").read_text())
    assert mini.digest == card["sha256"] == hashlib.sha256(EMBEDDED_WEIGHTS.read_bytes()).hexdigest()
    assert mini.none_cosine == card["other_cos"]
    assert mini.logit_scale == pytest.approx(card["logit_scale"], abs=1e-4)
    assert mini.image_mean.flatten().tolist() == [0.5, 0.5, 0.5]


def test_sentences_are_padded_to_the_whole_context(mini: Backbone) -> None:
    assert mini.tokenizer(["cat"]).shape == (1, 32)


def test_words_of_one_kind_lie_closer_than_words_of_another(mini: Backbone) -> None:
    cat, dog, train = mini.encode_text(["cat", "dog", "train"])
    assert float(cat @ dog) > float(cat @ train)


def test_the_packed_table_is_each_row_times_its_scale() -> None:
    packed = {
        "token_embedding.weight": torch.tensor([[1, -2], [3, 4]], dtype=torch.int8),
        "token_embedding.weight_scale": torch.tensor([[0.5], [0.25]]),
        "other": torch.ones(2, dtype=torch.float16),
    }
    state = dequantised(packed)
    assert state["token_embedding.weight"].tolist() == [[0.5, -1.0], [0.75, 1.0]]
    assert set(state) == {"token_embedding.weight", "other"}
    assert state["other"].dtype == torch.float32


def test_an_altered_file_is_refused_with_both_digests(copied: Path) -> None:
    content = bytearray(copied.read_bytes())
    content[-1] ^= 1
    copied.write_bytes(content)
    expected = json.loads(copied.with_suffix(".json").read_text())["sha256"]
    with pytest.raises(WeightsError, match=expected):
        load_mini(copied, name="own", revision="1")


def test_missing_files_are_named(copied: Path) -> None:
    copied.unlink()
    with pytest.raises(WeightsError, match="no weights at"):
        load_mini(copied, name="own", revision="1")
    copied.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"no card .*\.json"):
        load_mini(copied, name="own", revision="1")


def test_a_card_without_its_entries_is_refused(copied: Path) -> None:
    edit_card(copied, arch=None, other_cos=None)
    with pytest.raises(WeightsError, match="lacks arch, other_cos"):
        load_mini(copied, name="own", revision="1")
    copied.with_suffix(".json").write_text("no json")
    with pytest.raises(WeightsError, match="not a model card"):
        load_mini(copied, name="own", revision="1")


def test_weights_of_another_architecture_are_refused(copied: Path) -> None:
    state = load_file(copied)
    state.pop("visual.proj")
    save_file(state, copied)
    edit_card(copied, sha256=hashlib.sha256(copied.read_bytes()).hexdigest())
    with pytest.raises(WeightsError, match=r"visual\.proj"):
        load_mini(copied, name="own", revision="1")
