"""A tower's parts converted for OpenVINO, once for each state of its weights and each precision."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zegclip_core.engines.export import part_inputs, tower_graphs
from zegclip_core.engines.openvino_runtime import import_openvino, openvino_core
from zegclip_core.engines.precision import Precision
from zegclip_core.errors import EngineError
from zegclip_core.visual_tower import VisualTower

_LOG = logging.getLogger(__name__)


def convert(
    tower: VisualTower, folder: Path, precision: Precision, *, calibration: Sequence[Tensor] = ()
) -> None:
    """Write one `part-NN.xml` with its weights for the patch convolution and each block.

    Args:
        tower: what is converted, on the CPU.
        folder: where the files go, whole or not at all; an older conversion there is replaced.
        precision: `fp32`; `int8-weights`, which needs no images; `int8`, whose activations are 8-bit too.
        calibration: normalised images (1, 3, H, W) that tell `int8` the ranges of activations.

    Raises `EngineError` when a package is missing or `int8` has no images.

    """
    if precision == "int8" and not calibration:
        raise EngineError("int8 needs images to calibrate on: run `zegclip engine check MODEL DATASET`")
    openvino = import_openvino()
    examples = list(calibration) or [torch.zeros(1, 3, 4 * tower.stride, 6 * tower.stride)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".converting-") as temporary:
        parts = zip(tower_graphs(tower), part_inputs(tower, examples), strict=True)
        for number, (graph, inputs) in enumerate(parts):
            # The converters' own use of deprecated parts of torch is nothing the reader of a log can mend.
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning), _logging_left_alone():
                model = _convert_part(openvino, graph, inputs, precision)
            openvino.save_model(model, Path(temporary) / part_name(number), compress_to_fp16=False)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(temporary, folder)
    _LOG.info("image tower converted for OpenVINO, %s, in %s", precision, folder)


def part_name(number: int) -> str:
    """Return the file name of the `number`-th part."""
    return f"part-{number:02d}.xml"


def _convert_part(openvino: Any, graph: nn.Module, inputs: list[Tensor], precision: Precision) -> Any:
    # Sizes are dynamic: one conversion serves every image.
    model = openvino.convert_model(graph.eval(), example_input=inputs[0])
    if precision == "fp32":
        return model
    nncf = _import_nncf()
    # Made before NNCF's own, which are freed before this one.
    openvino_core()
    if precision == "int8-weights":
        return nncf.compress_weights(model)
    model_type = nncf.ModelType.TRANSFORMER if inputs[0].ndim == 3 else None
    return nncf.quantize(
        model, nncf.Dataset([one.numpy() for one in inputs]), model_type=model_type, subset_size=len(inputs)
    )


@contextmanager
def _logging_left_alone() -> Iterator[None]:
    """OpenVINO hushes the whole process while it converts, and for good when it fails."""
    root = logging.getLogger()
    level, filters, handlers = root.level, root.filters[:], root.handlers[:]
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters[:], root.handlers[:] = filters, handlers


def _import_nncf() -> Any:
    try:
        import nncf
    except ImportError as error:
        raise EngineError("NNCF is not installed: pip install 'zegclip-label-studio[fast]'") from error
    nncf.set_log_level(logging.ERROR)
    return nncf
