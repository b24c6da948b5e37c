"""OpenVINO in place of torch: the same features, any size, converted once, chosen only where checked."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import CHECKOUT
from tests.fast_extra import require_fast_extra
from tests.tiny_clip import ARCHITECTURE, random_images, tiny_backbone
from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.engines.checks import EngineCheck, engine_folder, write_checks
from zegclip_core.engines.choice import set_engine
from zegclip_core.engines.openvino_conversion import convert
from zegclip_core.engines.openvino_engine import OpenVINOEngine
from zegclip_core.engines.precision import PRECISIONS, Precision
from zegclip_core.errors import EngineError

installed = pytest.mark.usefixtures("openvino")


@pytest.fixture(scope="session")
def openvino() -> None:
    require_fast_extra()


def tiny_head() -> DenseZeroShotHead:
    """One block, so that there are two parts to convert."""
    vision = ARCHITECTURE["vision_cfg"] | {"layers": 1}
    return DenseZeroShotHead(backbone=tiny_backbone(none_cosine=0.4, vision_cfg=vision))


@pytest.fixture(scope="session")
def conversions(openvino: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny tower at every precision, converted once for all tests."""
    folder = tmp_path_factory.mktemp("conversions")
    for precision in PRECISIONS:
        convert(tiny_head().tower, folder / precision, precision, calibration=[random_images(1, 3, 48, 64)])
    return folder


# In a process of its own, which a fault ends. The new engine is there before the old one goes, as in a worker
# that takes a project's next version, and one is converted to in between.
_ENGINES_COME_AND_GO = """
import gc, signal, sys
from pathlib import Path
from tests.tiny_clip import random_images
from tests.zegclip_core.engines.test_openvino import tiny_head
from zegclip_core.engines.openvino_conversion import convert
from zegclip_core.engines.openvino_engine import OpenVINOEngine

def engine_of(folder):
    return OpenVINOEngine(folder, parts=2, name="openvino")

conversions, converted = Path(sys.argv[1]), Path(sys.argv[2])
engine = engine_of(conversions / "fp32")
engine = engine_of(conversions / "int8-weights")
convert(tiny_head().tower, converted, "int8", calibration=[random_images(1, 3, 48, 64)])
engine = engine_of(converted)
del engine
gc.collect()
signal.signal(signal.SIGALRM, lambda *_: print("the signal was handled"))
signal.raise_signal(signal.SIGALRM)
"""


def check(precision: Precision, *, loss: float = 0.0, ratio: float = 2.0) -> EngineCheck:
    return EngineCheck(precision=precision, loss=loss, ratio=ratio, images=1, dataset="own/val")


def prepared(conversions: Path, head: DenseZeroShotHead, cache_dir: Path, *checks: EngineCheck) -> Path:
    """Put the conversions and the checks where a model's are looked for."""
    folder = engine_folder(cache_dir, head.encoding_digest)
    shutil.copytree(conversions, folder)
    write_checks(folder, list(checks))
    return folder


@installed
@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
def test_features_are_those_of_torch_within_the_precision_at_any_size(
    conversions: Path, precision: Precision
) -> None:
    head = tiny_head()
    engine = OpenVINOEngine(conversions / precision, parts=2, name="openvino")
    for size in ((64, 64), (16, 96), (80, 48)):
        images = random_images(2, 3, *size)
        head.tower.engine = None
        with torch.inference_mode():
            tokens, _ = head.tower.embed(images)
            expected = head.tower.run(tokens)
            head.tower.engine = engine
            tokens, _ = head.tower.embed(images)
            found = head.tower.run(tokens)
        error = float((found - expected).norm() / expected.norm())
        assert error < (1e-4 if precision == "fp32" else 0.3)


@installed
@pytest.mark.slow
def test_gradients_are_never_computed_by_the_engine(conversions: Path) -> None:
    head = tiny_head()
    head.tower.engine = OpenVINOEngine(conversions / "fp32", parts=2, name="openvino")
    images = random_images(1, 3, 32, 32).requires_grad_(True)
    tokens, _ = head.tower.embed(images)
    head.tower.run(tokens).sum().backward()
    assert images.grad is not None


@installed
@pytest.mark.slow
def test_signals_are_handled_after_engines_have_come_and_gone(conversions: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _ENGINES_COME_AND_GO, conversions, tmp_path / "int8"]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.splitlines()[-1:]) == (0, ["the signal was handled"]), ended.stderr


@installed
@pytest.mark.slow
def test_auto_takes_the_fastest_that_was_allowed(conversions: Path, tmp_path: Path) -> None:
    head = tiny_head()
    prepared(conversions, head, tmp_path, check("fp32", ratio=1.5), check("int8-weights", ratio=3, loss=0.6))
    assert set_engine(head, "auto", cache_dir=tmp_path) == "openvino fp32"
    assert head.tower.engine_name == "openvino fp32"
    assert set_engine(head, "openvino", cache_dir=tmp_path) == "openvino fp32"
    assert set_engine(head, "torch", cache_dir=tmp_path) == "torch"
    assert head.tower.engine is None


@installed
@pytest.mark.slow
def test_what_one_engine_encoded_is_not_taken_for_what_another_would_encode(
    conversions: Path, tmp_path: Path
) -> None:
    head = tiny_head()
    prepared(conversions, head, tmp_path, check("fp32"))
    before = head.encoding_digest
    set_engine(head, "auto", cache_dir=tmp_path)
    assert head.encoding_digest != before


@installed
@pytest.mark.slow
def test_a_missing_or_broken_conversion_leaves_torch(
    conversions: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = tiny_head()
    folder = prepared(conversions, head, tmp_path, check("fp32"))
    (folder / "fp32" / "part-01.xml").write_text("broken")
    with caplog.at_level(logging.INFO):
        assert set_engine(head, "auto", cache_dir=tmp_path) == "torch"
    assert "delete the folder" in caplog.text
    with pytest.raises(EngineError, match="delete the folder"):
        set_engine(head, "openvino", cache_dir=tmp_path)


def test_without_a_check_auto_is_torch_and_openvino_says_what_to_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = tiny_head()
    with caplog.at_level(logging.INFO):
        assert set_engine(head, "auto", cache_dir=tmp_path) == "torch"
    assert "zegclip engine check" in caplog.text
    with pytest.raises(EngineError, match="zegclip engine check"):
        set_engine(head, "openvino", cache_dir=tmp_path)
    with pytest.raises(EngineError, match="cache folder"):
        set_engine(head, "openvino", cache_dir=None)


def test_where_openvino_is_not_installed_auto_is_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    head = tiny_head()
    write_checks(engine_folder(tmp_path, head.encoding_digest), [check("fp32")])
    with caplog.at_level(logging.INFO):
        assert set_engine(head, "auto", cache_dir=tmp_path) == "torch"
    assert "[fast]" in caplog.text
    with pytest.raises(EngineError, match=r"\[fast\]"):
        set_engine(head, "openvino", cache_dir=tmp_path)


@installed
def test_eight_bit_activations_need_images(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="calibrate"):
        convert(tiny_head().tower, tmp_path / "parts", "int8")


@installed
def test_a_conversion_that_fails_does_not_hush_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tower = tiny_head().tower
    norm = tower.blocks[0].ln_1
    whole = norm.forward

    def unless_traced(tokens: torch.Tensor) -> torch.Tensor:
        if torch.jit.is_tracing():
            raise ValueError("cannot be traced")
        return whole(tokens)

    monkeypatch.setattr(norm, "forward", unless_traced)
    root = logging.getLogger()
    level, filters = root.level, root.filters[:]
    with pytest.raises(Exception, match="cannot be traced"):
        convert(tower, tmp_path / "parts", "fp32")
    assert (root.level, root.filters) == (level, filters)
