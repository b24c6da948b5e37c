"""What an engine may be asked for (no torch here)."""

from typing import Literal, get_args

EngineWish = Literal["auto", "torch", "openvino"]
Precision = Literal["fp32", "int8-weights", "int8"]
ENGINE_WISHES: tuple[EngineWish, ...] = get_args(EngineWish)
# From exact to fast.
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
