"""From settings to a model on its backbone, fresh or started from a checkpoint."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from training.errors import StartModelError
from training.setting_groups import ModelSettings
from training.similarity_start import start_as_similarity
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.zegclip.model import ZegCLIP
from zegclip_core.zegclip.options import ZegCLIPOptions


def model_options(settings: ModelSettings) -> ZegCLIPOptions:
    """Return the model's own options for a recipe's settings."""
    return ZegCLIPOptions(
        prompt_tokens=settings.prompt_tokens,
        descriptor=settings.descriptor,
        decoder_layers=settings.decoder_layers,
        dropout=settings.dropout,
        tuned=settings.tuned,
        normalisation=settings.normalisation,
        class_embedding_twice=settings.class_embedding_twice,
        position_interpolation=settings.position_interpolation,
    )


def fresh_model(backbone: Backbone, settings: ModelSettings, *, seed: int) -> ZegCLIP:
    """Build an untrained model; the same seed gives the same weights and leaves torch's generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ZegCLIP.on_backbone(backbone, model_options(settings))
    if settings.start == "similarity":
        start_as_similarity(model, backbone)
    return model


@torch.no_grad()
def load_learned(model: ZegCLIP, state: Mapping[str, Tensor], *, origin: Path) -> None:
    """Copy learned parameters into a model; raise `StartModelError` when they are not the model's."""
    parameters = dict(model.learned_parameters())
    wrong = sorted(
        name
        for name in parameters.keys() | state.keys()
        if name not in parameters or name not in state or parameters[name].shape != state[name].shape
    )
    if wrong:
        raise StartModelError(
            f"{origin} is of another architecture ({wrong[0]} and {len(wrong) - 1} other tensors differ): "
            "set the [model] table of the recipe to the one it was trained with"
        )
    for name, parameter in parameters.items():
        parameter.copy_(state[name])
