"""Batches of a phase, from any step on."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from training.configuration import TrainingConfiguration
from training.dataset_description import DatasetDescription
from training.feature_cache import CachedSamples, FeatureCache, FeatureEncoder, StemEncoder
from training.label_mapping import LabelMapping
from training.phases import PhasePlan
from training.processes import ALONE, Processes
from training.samples import ImageSamples, Sample, draw_order
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.zegclip.model import ZegCLIP

_GREYS = 255


def open_samples(
    configuration: TrainingConfiguration,
    *,
    description: DatasetDescription,
    mapping: LabelMapping,
    model: ZegCLIP,
    backbone: Backbone,
    cache_dir: Path,
) -> Dataset[Sample]:
    """Return the samples of a phase by draw number, from photographs or from cached features."""
    data = configuration.data
    order = draw_order(
        description, data.train_split, mapping=mapping, sampling=data.sampling, seed=configuration.seed
    )
    if data.cache == "none":
        mean = (model.image_mean.flatten() * _GREYS).round().int().tolist()
        return ImageSamples(
            description=description,
            order=order,
            mapping=mapping,
            settings=configuration.augmentation,
            fill=(mean[0], mean[1], mean[2]),
        )
    encoder = (StemEncoder if data.cache == "stem" else FeatureEncoder)(model, backbone)
    return CachedSamples(
        description=description,
        order=order,
        mapping=mapping,
        settings=configuration.augmentation,
        cache=FeatureCache(cache_dir, encoder),
    )


def micro_batches(configuration: TrainingConfiguration) -> int:
    """Return of how many micro-batches a batch is made."""
    settings = configuration.optimisation
    return -(-settings.batch_size // settings.micro_batch)


def batches(
    samples: Dataset[Sample],
    plan: PhasePlan,
    configuration: TrainingConfiguration,
    *,
    first: int,
    processes: Processes = ALONE,
) -> Iterator[list[Sample]]:
    """Yield the batch of each step of a phase from step `first` on, as micro-batches of stacked samples.

    Draws are counted through the whole run, so that a later phase sees other views. Of several processes each
    gets its share of the same micro-batches.
    """
    settings = configuration.optimisation
    size, micro = settings.batch_size, settings.micro_batch
    share = processes.share(micro_batches(configuration))
    draws = [
        [step * size + place for place in range(part * micro, min((part + 1) * micro, size))]
        for step in range(plan.first + first, plan.end)
        for part in share
    ]
    loader = DataLoader(
        samples,
        batch_sampler=draws,
        num_workers=configuration.data.workers,
        collate_fn=default_collate,
        generator=torch.Generator(),
    )
    batch: list[Sample] = []
    for part in loader:
        batch.append((part[0], part[1]))
        if len(batch) == len(share):
            yield batch
            batch = []
