"""Published checkpoints get the classes of their benchmark."""

from pathlib import Path

import pytest

from tests.zegclip_core.upstream_files import save_upstream, upstream_state
from training.configuration import Mode
from training.published import import_published
from zegclip_core.checkpoints.compact import read_checkpoint
from zegclip_core.templates import SINGLE_TEMPLATE, ZEGCLIP_TEMPLATES


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_upstream(tmp_path_factory.mktemp("published") / "file.pth", upstream_state())


@pytest.mark.parametrize(
    ("benchmark", "mode", "classes", "unseen", "seen_bias"),
    [
        ("voc", "inductive", 20, 5, 0.1),
        ("voc", "transductive", 20, 5, 0.0),
        ("voc", "fully", 20, 0, 0.0),
        ("coco-stuff", "inductive", 171, 15, 0.1),
        ("context", "inductive", 59, 10, 0.1),
    ],
)
def test_classes_and_bias_are_those_of_the_benchmark(
    source: Path, tmp_path: Path, benchmark: str, mode: Mode, classes: int, unseen: int, seen_bias: float
) -> None:
    digest = import_published(source, tmp_path / "model", benchmark=benchmark, mode=mode)
    facts = read_checkpoint(tmp_path / "model").facts
    assert len(digest) == 64
    assert facts.name == f"zegclip-{benchmark}-{mode}"
    assert len(facts.classes) == classes
    assert sum(not one.seen for one in facts.classes) == unseen
    assert facts.seen_bias == seen_bias


def test_words_and_sentences_are_the_recipes(source: Path, tmp_path: Path) -> None:
    for benchmark in ("voc", "coco-stuff"):
        import_published(source, tmp_path / benchmark, benchmark=benchmark, mode="inductive")
    voc, coco = (read_checkpoint(tmp_path / name).facts for name in ("voc", "coco-stuff"))
    assert (voc.templates, coco.templates) == (SINGLE_TEMPLATE, ZEGCLIP_TEMPLATES)
    assert "pottedplant" in [word for one in voc.classes for word in one.prompts]
