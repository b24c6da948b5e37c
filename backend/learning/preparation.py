"""What a training run learns from, frozen when it begins: a resumed run sees the same data."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.images.errors import ImageError
from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.corrections import iter_full_tasks, iter_task_states
from backend.label_studio.label_config import LabelConfig
from backend.learning.dataset_export import ExportedDataset, export_dataset
from backend.learning.project_folder import ProjectFolder
from backend.learning.project_labels import painted_targets, project_labels, read_config
from backend.learning.sample_store import SampleStore, digest_of, mask_digests
from backend.task_data import image_addresses
from training.dataset_description import DatasetDescription
from zegclip_core.atomic_files import write_atomically
from zegclip_core.labels import Label

_FILE = "prepared.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The data of one run.

    Attributes:
        exported: the data set on disk.
        parent: number of the version that training starts from; None for the base model.
        masks: sample to digest of its mask, for all corrections.
        digest: of corrections, labels and words.

    """

    exported: ExportedDataset
    parent: int | None
    masks: Mapping[str, str]
    digest: str


def data_digest(masks: Mapping[str, str], labels: tuple[Label, ...]) -> str:
    """Return a text that differs when a correction, a label, its words or the background differ."""
    words = {label.name: [list(label.prompts), label.is_background] for label in labels}
    return digest_of({"masks": dict(masks), "labels": words})


class Preparation:
    """Freezes a project's corrections for one run.

    Args:
        folder: the project's learning folder.
        client: Label Studio.
        images: fetches images without correction.
        seen_pixels: corrected pixels that make a label a seen one.
        transduction_images: how many images without correction go along.
        extra_params: the project's settings for the backend.

    """

    def __init__(
        self,
        *,
        folder: ProjectFolder,
        client: LabelStudioClient,
        images: ImageSource,
        seen_pixels: int,
        transduction_images: int,
        extra_params: Any = None,
    ) -> None:
        self._folder = folder
        self._client = client
        self._images = images
        self._seen_pixels = seen_pixels
        self._transduction_images = transduction_images
        self._extra_params = extra_params

    def config(self) -> LabelConfig:
        """Read the project's labelling configuration of now."""
        project = self._client.project(self._folder.number)
        return read_config(str(project["label_config"]), self._extra_params)

    def make(self, run: Path, config: LabelConfig) -> Prepared:
        """Write a run's data set; raises `NotEnoughSamplesError`, `LabelStudioError`."""
        store = SampleStore(files=self._folder.samples)
        labels = project_labels(painted_targets(config))
        exported = export_dataset(
            run / "dataset",
            name=f"project {self._folder.number}",
            store=store,
            labels=labels,
            unlabelled=self._unlabelled(config),
            seen_pixels=self._seen_pixels,
        )
        masks = mask_digests(store.samples())
        prepared = Prepared(
            exported=exported,
            parent=self._folder.registry.aliases.champion,
            masks=masks,
            digest=data_digest(masks, labels),
        )
        _save(run, prepared)
        return prepared

    def _unlabelled(self, config: LabelConfig) -> dict[str, NDArray[np.uint8]]:
        """Fetch images of tasks without annotation; those that cannot be read are left out."""
        found: dict[str, NDArray[np.uint8]] = {}
        states = iter_task_states(self._client, self._folder.number)
        ids = [state.id for state in states if not state.annotated]
        # From everywhere in the project, not only from its beginning.
        step = max(1, len(ids) // max(1, self._transduction_images))
        chosen = ids[::step][: self._transduction_images]
        for task in iter_full_tasks(self._client, self._folder.number, chosen):
            for target in painted_targets(config)[:1]:
                try:
                    _, address = image_addresses(task["data"], target)[0]
                    image = self._images.load(address, task_id=task["id"], project=str(self._folder.number))
                except ImageError:
                    continue
                found[f"unlabelled-{task['id']}"] = image
        return found


def load_prepared(run: Path) -> Prepared | None:
    """Return what an earlier start of the run has frozen, or None."""
    try:
        document = json.loads((run / _FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    exported = document["exported"]
    return Prepared(
        exported=ExportedDataset(
            description=DatasetDescription.load(run / "dataset"),
            labels=tuple(
                Label(one["name"], tuple(one["prompts"]), one["is_background"]) for one in exported["labels"]
            ),
            seen=tuple(exported["seen"]),
            train=exported["train"],
            holdout=exported["holdout"],
            unlabelled=exported["unlabelled"],
        ),
        parent=document["parent"],
        masks=document["masks"],
        digest=document["digest"],
    )


def _save(run: Path, prepared: Prepared) -> None:
    exported = prepared.exported
    document = {
        "exported": {
            "labels": [asdict(label) for label in exported.labels],
            "seen": exported.seen,
            "train": exported.train,
            "holdout": exported.holdout,
            "unlabelled": exported.unlabelled,
        },
        "parent": prepared.parent,
        "masks": dict(prepared.masks),
        "digest": prepared.digest,
    }
    write_atomically(run / _FILE, json.dumps(document).encode())
