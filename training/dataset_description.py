"""`dataset.json`: one description of folders, classes and splits for every data set.

The same file is written by the converters and read by training, evaluation and the benchmarks:

    {"name": "pets", "images": "JPEGImages", "image_suffix": ".jpg", "masks": "Masks", "mask_suffix": ".png",
     "ignore_index": 255,
     "classes": [{"index": 0, "name": "background", "prompts": ["background"], "background": true},
                 {"index": 1, "name": "cat", "prompts": ["cat", "kitten"]}],
     "unseen": ["cat"], "splits": {"val": "splits/val.txt"}}

A split is a text file with one image id a line; the photograph of an id is `images/ID` + `image_suffix`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from training.dataset_checks import check_description, read_document
from training.errors import DatasetDescriptionError, EmptySplitError, SplitError
from zegclip_core.labels import Label

DESCRIPTION_FILE = "dataset.json"
DEFAULT_IGNORE_INDEX = 255


@dataclass(frozen=True, slots=True)
class DatasetClass:
    """One class of a data set.

    Attributes:
        index: the value of its pixels in the masks.
        name: its name in results; unique in the data set.
        prompts: the words the model looks for, the most usual one first.
        is_background: whether it stands for "none of the other classes".

    """

    index: int
    name: str
    prompts: tuple[str, ...]
    is_background: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetDescription:
    """A data set on disk; a value of this class has been validated.

    Attributes:
        root: the folder that all relative paths start from.
        name: what results call the data set.
        classes: in the order of their indices.
        splits: split name → file with image ids, relative to `root`.
        images, image_suffix: the folder of the photographs, relative to `root`, and how their names end.
        masks, mask_suffix: the same for the masks, which hold one class index per pixel.
        unseen: names of the classes that zero-shot training must not see.
        ignore_index: mask value that counts nowhere.

    Raises `DatasetDescriptionError` when the parts contradict each other.
    """

    root: Path
    name: str
    classes: tuple[DatasetClass, ...]
    splits: Mapping[str, str]
    images: str = "images"
    image_suffix: str = ".jpg"
    masks: str = "masks"
    mask_suffix: str = ".png"
    unseen: tuple[str, ...] = ()
    ignore_index: int = DEFAULT_IGNORE_INDEX

    def __post_init__(self) -> None:
        check_description(self.to_document(), where=str(self.root / DESCRIPTION_FILE))

    @property
    def background(self) -> DatasetClass | None:
        """The background class, if the data set has one."""
        return next((one for one in self.classes if one.is_background), None)

    @property
    def foreground(self) -> tuple[DatasetClass, ...]:
        """All classes but the background, in the order of their indices."""
        return tuple(one for one in self.classes if not one.is_background)

    def unseen_indices(self, unseen: Sequence[str] | None = None) -> tuple[int, ...]:
        """Mask values of the unseen classes; `unseen` replaces the description's own list of names.

        Raises `DatasetDescriptionError` for a name that is no class.
        """
        names = self.unseen if unseen is None else tuple(unseen)
        known = {one.name: one.index for one in self.classes}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise DatasetDescriptionError(
                f"unseen classes {unknown} are no classes of {self.name}: use names out of {list(known)}"
            )
        return tuple(sorted({known[name] for name in names}))

    def seen_indices(self, unseen: Sequence[str] | None = None) -> tuple[int, ...]:
        """Mask values of all other classes, the background included."""
        hidden = self.unseen_indices(unseen)
        return tuple(one.index for one in self.classes if one.index not in hidden)

    def labels(self, *, synonyms: bool = True) -> list[Label]:
        """The foreground classes as a model's labels, in the order of `foreground`.

        With `synonyms=False` a label has the first prompt of its class only.
        """
        return [
            Label(name=one.name, prompts=one.prompts if synonyms else one.prompts[:1])
            for one in self.foreground
        ]

    def ids(self, split: str) -> tuple[str, ...]:
        """Read the image ids of a split, in the order of its file.

        Raises `SplitError` for an unknown split, a missing file or an id listed twice; `EmptySplitError`.
        """
        if split not in self.splits:
            raise SplitError(
                f"{self.name} has no split {split!r}: use one of {', '.join(sorted(self.splits))}"
            )
        path = self.root / self.splits[split]
        if not path.is_file():
            raise SplitError(
                f"split {split!r} of {self.name} is to be read from {path}, which does not exist"
            )
        ids = tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
        if not ids:
            raise EmptySplitError(
                f"split {split!r} of {self.name} lists no image: fill {path}, one id a line"
            )
        repeated = sorted({one for one in ids if ids.count(one) > 1}) if len(set(ids)) < len(ids) else []
        if repeated:
            raise SplitError(
                f"{path} lists {repeated[0]!r} more than once ({len(repeated)} such ids): keep one"
            )
        return ids

    def image_path(self, image_id: str) -> Path:
        """Where the photograph of an id lies."""
        return self.root / self.images / f"{image_id}{self.image_suffix}"

    def mask_path(self, image_id: str) -> Path:
        """Where the mask of an id lies."""
        return self.root / self.masks / f"{image_id}{self.mask_suffix}"

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a description from `dataset.json` or from the folder that holds it.

        Raises `DatasetDescriptionError` with the file's name and what is wrong in it.
        """
        file = Path(path) / DESCRIPTION_FILE if Path(path).is_dir() else Path(path)
        document = read_document(file)
        check_description(document, where=str(file))
        known = ("name", "splits", "images", "image_suffix", "masks", "mask_suffix", "ignore_index")
        return cls(
            root=file.parent,
            classes=tuple(sorted(map(_read_class, document["classes"]), key=lambda one: one.index)),
            unseen=tuple(document.get("unseen", ())),
            **{key: document[key] for key in known if key in document},
        )

    def save(self) -> Path:
        """Write `dataset.json` into `root`, whole or not at all, and return its path."""
        path = self.root / DESCRIPTION_FILE
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        partial.write_text(json.dumps(self.to_document(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        partial.replace(path)
        return path

    def to_document(self) -> dict[str, Any]:
        """Return the content of `dataset.json`."""
        return {
            "name": self.name,
            "images": self.images,
            "image_suffix": self.image_suffix,
            "masks": self.masks,
            "mask_suffix": self.mask_suffix,
            "ignore_index": self.ignore_index,
            "classes": [_write_class(one) for one in self.classes],
            "unseen": list(self.unseen),
            "splits": dict(self.splits),
        }


def _read_class(entry: Mapping[str, Any]) -> DatasetClass:
    return DatasetClass(
        index=entry["index"],
        name=entry["name"],
        prompts=tuple(entry.get("prompts") or (entry["name"],)),
        is_background=entry.get("background", False),
    )


def _write_class(one: DatasetClass) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": one.index, "name": one.name, "prompts": list(one.prompts)}
    return entry | {"background": True} if one.is_background else entry
