"""The engine that a head's tower gets: what is wished for, installed, checked and fastest."""

import logging
from pathlib import Path

from zegclip_core.engines.checks import engine_folder, read_checks
from zegclip_core.engines.openvino_engine import OpenVINOEngine
from zegclip_core.engines.precision import EngineWish
from zegclip_core.errors import EngineError
from zegclip_core.heads import SegmentationHead

_LOG = logging.getLogger(__name__)


def set_engine(head: SegmentationHead, wish: EngineWish, *, cache_dir: Path | None) -> str:
    """Give a head's tower the wished engine and return its name, such as `openvino int8`.

    `auto` takes the fastest one that a check on a hold-out has allowed on this kind of processor, and PyTorch
    where there is none, where OpenVINO is not installed or where the model runs on a GPU; why is logged.
    `openvino` raises `EngineError` in all these cases.
    """
    head.tower.engine = None
    if wish == "torch":
        return "torch"
    try:
        engine = _fastest(head, cache_dir)
    except EngineError as error:
        if wish == "openvino":
            raise
        _LOG.info("the image tower runs on torch: %s", error)
        return "torch"
    head.tower.engine = engine
    _LOG.info("the image tower runs on %s", engine.name)
    return engine.name


def _fastest(head: SegmentationHead, cache_dir: Path | None) -> OpenVINOEngine:
    device = head.backbone.device
    if device.type != "cpu":
        raise EngineError(f"OpenVINO is for CPUs and the model runs on {device}: set the engine to torch")
    if cache_dir is None:
        raise EngineError("no folder for conversions: give a cache folder, or set the engine to torch")
    folder = engine_folder(cache_dir, head.encoding_digest)
    offered = [check for check in read_checks(folder) if check.is_offered]
    if not offered:
        raise EngineError(
            f"no faster engine has been checked for {head.backbone.model_version} on this machine: run "
            "`zegclip engine check MODEL DATASET`"
        )
    precision = max(offered, key=lambda check: check.ratio).precision
    return OpenVINOEngine(folder / precision, parts=1 + len(head.tower.blocks), name=f"openvino {precision}")
