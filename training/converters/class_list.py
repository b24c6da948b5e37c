"""The classes of a benchmark, kept as data beside the code."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from training.dataset_description import DatasetClass
from training.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ClassList:
    """The classes of one benchmark in the order of its label ids.

    Attributes:
        names: raw names, as the papers encode them ("diningtable").
        prompts: plain words per name; a name without an entry is its own word.
        unseen: named zero-shot splits, each a list of names.
        has_background: whether label 0 of the written masks is "none of these".
        official_images: number of images per split in the complete download.
        source_ids: id of each class in the official `.mat` files, if they use others.
        removed_source_ids: ids of the official files that belong to no class.

    """

    names: tuple[str, ...]
    prompts: Mapping[str, tuple[str, ...]]
    unseen: Mapping[str, tuple[str, ...]]
    has_background: bool
    official_images: Mapping[str, int]
    source_ids: tuple[int, ...] = ()
    removed_source_ids: tuple[int, ...] = ()

    def unseen_names(self, split: str) -> tuple[str, ...]:
        """Return the unseen classes of a named split; "none" is the empty one.

        Raises `ConfigurationError` for a name that the list does not have.
        """
        if split == "none":
            return ()
        if split not in self.unseen:
            known = ", ".join([*self.unseen, "none"])
            raise ConfigurationError(f"no unseen split called {split!r}: choose one of {known}")
        return self.unseen[split]

    def dataset_classes(self, *, background_competes: bool = False) -> tuple[DatasetClass, ...]:
        """Return the classes of `dataset.json`, background (index 0) first where there is one.

        With `background_competes` the background is a class like any other, as in the 60 classes of Context.
        """
        first = int(self.has_background)
        background = DatasetClass(0, "background", ("background",), is_background=not background_competes)
        named = (
            DatasetClass(first + i, name, self.prompts.get(name, (name,)))
            for i, name in enumerate(self.names)
        )
        return (*([background] if self.has_background else []), *named)


def load_class_list(name: str) -> ClassList:
    """Read the class list called `name` from the package ("voc", "coco_stuff", "context")."""
    text = (resources.files("training") / "converters" / "class_lists" / f"{name}.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return ClassList(
        names=tuple(data["names"]),
        prompts=_tuples(data["prompts"]),
        unseen=_tuples(data["unseen"]),
        has_background=data["background"],
        official_images=MappingProxyType(data["images"]),
        source_ids=tuple(data.get("source_ids", ())),
        removed_source_ids=tuple(data.get("removed_source_ids", ())),
    )


def _tuples(table: Mapping[str, Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({key: tuple(values) for key, values in table.items()})
