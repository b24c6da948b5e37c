"""Label Studio's tasks: JSON exports with annotations are read, `tasks.json` to import is written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from backend.convert.image_folder import Photographs
from backend.convert.json_files import read_json
from backend.convert.masked_image import ConvertError, LabelledMask, MaskedImage, read_size
from backend.convert.names import unique_names
from backend.learning.annotations import choose
from backend.painting import IMAGE_SUFFIXES
from backend.regions.decoding import decode_region, labels_of, merge_split_regions
from backend.regions.errors import RegionError

FILE_NAME = "tasks.json"
# Label Studio puts eight hexadecimal digits before the name of an uploaded file.
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")


@dataclass(frozen=True, slots=True)
class _Item:
    """One image of a task: the regions of its annotation, and what they lie on."""

    task: int
    file: str
    to_name: str | None
    item_index: int | None


class LabelStudioTasks:
    """Tasks that are read.

    Of a task's annotations the newest ground truth counts, else the newest that was not skipped; where there
    is none, the newest prediction.

    Args:
        path: the JSON of an export or an import, or a folder with `tasks.json`.
        images: the photographs, for the sizes of images without any region.

    """

    def __init__(self, path: Path, *, images: Photographs) -> None:
        self._path = path / FILE_NAME if path.is_dir() else path
        content = read_json(self._path)
        if not isinstance(content, list) or not all(isinstance(task, Mapping) for task in content):
            raise ConvertError(f"{self._path} is no export of Label Studio: export as JSON, not as JSON_MIN")
        self._images = images
        self._results = [_result_of(task) for task in content]
        items = [
            item
            for number, (task, result) in enumerate(zip(content, self._results, strict=True))
            for item in _items(number, task, result)
        ]
        self._items = dict(zip(unique_names([item.file for item in items]), items, strict=True))
        self._labels = tuple(
            dict.fromkeys(
                label
                for result in self._results
                for region in merge_split_regions(result)
                for label in labels_of(region)[:1]
            )
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all regions, in the order of their first use."""
        return self._labels

    def names(self) -> Sequence[str]:
        """Return the images' names, from the addresses in the tasks."""
        return list(self._items)

    def load(self, name: str) -> MaskedImage:
        """Return one image with its labelled regions."""
        item = self._items[name]
        regions = [region for region in self._regions(item) if labels_of(region)]
        width, height = self._size(name, item, regions)
        try:
            masks = [
                LabelledMask(labels_of(region)[0], decode_region(region, width=width, height=height).mask)
                for region in regions
            ]
        except RegionError as error:
            raise ConvertError(f"{self._path}, {name}: {error}") from error
        return MaskedImage(name, item.file, width, height, tuple(masks))

    def _regions(self, item: _Item) -> Iterator[Mapping[str, Any]]:
        for region in merge_split_regions(self._results[item.task]):
            here = item.to_name is None or region.get("to_name") == item.to_name
            if here and (item.item_index is None or region.get("item_index", 0) == item.item_index):
                yield region

    def _size(self, name: str, item: _Item, regions: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
        where = f"{self._path}, {name}"
        for region in regions:
            if "original_width" in region:
                return read_size(region["original_width"], region.get("original_height"), where=where)
        size = self._images.size_of(name) or self._images.size_of(PurePosixPath(name).name)
        if size is None:
            raise ConvertError(
                f"{where}: it has no region, so its size is not known; give the photographs with --images"
            )
        return size


def _result_of(task: Mapping[str, Any]) -> list[Any]:
    chosen = choose(task.get("annotations") or (), several="newest")
    found = chosen or list(task.get("predictions") or ())
    result = found[-1].get("result") if found and isinstance(found[-1], Mapping) else None
    return result if isinstance(result, list) else []


def _items(number: int, task: Mapping[str, Any], result: Sequence[Any]) -> Iterator[_Item]:
    """The images of a task; where there are several, each is told by its name or its place in a list."""
    data = task.get("data")
    fields = {
        key: value for key, value in (data if isinstance(data, Mapping) else {}).items() if _images_in(value)
    }
    if not fields:
        raise ConvertError(f"task {task.get('id', number + 1)} has no image in its data")
    to_names = dict.fromkeys(
        str(region["to_name"]) for region in merge_split_regions(result) if "to_name" in region
    )
    for key, value in fields.items():
        # A field and the image that shows it often have the same name; with one field it does not matter.
        to_name = key if len(fields) > 1 and key in to_names else None
        if isinstance(value, str):
            yield _Item(number, _file_of(value), to_name, None)
        else:
            for index, address in enumerate(value):
                yield _Item(number, _file_of(address), to_name, index)


def _images_in(value: object) -> bool:
    addresses = value if isinstance(value, list) else [value]
    return bool(addresses) and all(isinstance(address, str) and _is_image(address) for address in addresses)


def _is_image(address: str) -> bool:
    return PurePosixPath(_file_of(address)).suffix.lower() in IMAGE_SUFFIXES


def _file_of(address: str) -> str:
    """The path of an image's file in the address of a task."""
    if address.startswith("data:"):
        return "inline.png"
    parts = urlsplit(address)
    inner = parse_qs(parts.query).get("d")
    path = inner[0] if inner else unquote(parts.path)
    if path.startswith("/data/upload/"):
        return _UPLOAD_PREFIX.sub("", PurePosixPath(path).name)
    return path.lstrip("/") if inner else PurePosixPath(path).name
