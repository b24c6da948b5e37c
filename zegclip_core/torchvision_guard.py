"""Make `import torchvision` work beside a torch build that lacks its compiled operators.

The torchvision wheel of the package index is linked against CUDA torch. Beside a CPU torch its extension does
not load, yet the package still registers shape functions for two of the missing operators and fails on import
(pytorch/vision#8985, #9085). open_clip imports torchvision, so the two operators are declared first. Nothing
is touched where the extension loads.
"""

import importlib.util
from pathlib import Path

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
# A torch.library.Library takes its declarations back when it is collected, so it lives as long as the module.
_declarations: list[torch.library.Library] = []


def declare_missing_operators() -> bool:
    """Declare torchvision's operators if its extension cannot be loaded; return whether that was needed.

    Runs once; must run before the first import of torchvision. Raises nothing when torchvision is absent.
    """
    spec = importlib.util.find_spec("torchvision")
    if _declarations or spec is None or spec.origin is None:
        return bool(_declarations)
    try:
        torch.ops.load_library(Path(spec.origin).parent / "_C.so")  # type: ignore[no-untyped-call]
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for signature in _OPERATORS:
            library.define(signature)  # type: ignore[no-untyped-call]
        _declarations.append(library)
    return bool(_declarations)
