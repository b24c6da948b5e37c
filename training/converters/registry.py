"""The converters by the name that the command line uses."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from training.converters.camvid import convert_camvid
from training.converters.coco_stuff import convert_coco_stuff
from training.converters.context import convert_context
from training.converters.labelmefacade import convert_labelmefacade
from training.converters.output import ConversionReport
from training.converters.voc import convert_voc

Converter: TypeAlias = Callable[..., ConversionReport]

CONVERTERS: Mapping[str, Converter] = MappingProxyType(
    {
        "voc": convert_voc,
        "coco-stuff": convert_coco_stuff,
        "context": convert_context,
        "labelmefacade": convert_labelmefacade,
        "camvid": convert_camvid,
    }
)
