"""A small trained ZegCLIP on zegclip-mini, and what its manifest says."""

import torch

from zegclip_core import ZegCLIP, ZegCLIPOptions
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.checkpoints.facts import BackboneReference, CheckpointFacts, TrainedClass


def trained_model(backbone: Backbone, *, seed: int = 0) -> ZegCLIP:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        options = ZegCLIPOptions(prompt_tokens=2, decoder_layers=1, position_grid=(16, 16))
        return ZegCLIP.on_backbone(backbone, options).eval()


def facts_of(model: ZegCLIP, backbone: Backbone, *, name: str = "kitchen") -> CheckpointFacts:
    return CheckpointFacts(
        name=name,
        backbone=BackboneReference(notation="zegclip-mini", digest=backbone.digest),
        options=model.options,
        sizes=backbone.sizes,
        templates=("a photo of a {}.", "{}"),
        classes=(
            TrainedClass(name="potted plant", prompts=("potted plant", "house plant"), seen=True),
            TrainedClass(name="sofa", prompts=("sofa",), seen=False),
        ),
        seen_bias=0.2,
        none_probability=0.4,
        recipe={"mode": "inductive", "optimisation": {"iterations": 3}},
        metrics={"hIoU": 51.2},
    )
