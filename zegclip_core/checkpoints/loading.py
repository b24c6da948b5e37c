"""From a compact checkpoint to a head that paints."""

from pathlib import Path

import torch
from torch import Tensor

from zegclip_core.adaptation.files import adaptation_manifest, adapted_sizes, load_adaptation
from zegclip_core.adaptation.head import AdaptedHead
from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import model_name, model_revision, parse_notation
from zegclip_core.checkpoints.compact import CompactCheckpoint, is_checkpoint, read_checkpoint, read_facts
from zegclip_core.checkpoints.facts import BackboneReference, CheckpointFacts
from zegclip_core.errors import BackboneMismatchError, CheckpointError
from zegclip_core.heads import SegmentationHead
from zegclip_core.labels import Label
from zegclip_core.text_bank import TextBank
from zegclip_core.zegclip.head import ZegCLIPHead
from zegclip_core.zegclip.model import ZegCLIP


def load_head(
    folder: Path,
    *,
    cache_dir: Path | None = None,
    device: str | torch.device = "cpu",
    show_progress: bool = False,
) -> SegmentationHead:
    """Load what a training has written, whichever kind it is; arguments and errors as for `load_zegclip`."""
    manifest = adaptation_manifest(folder)
    if manifest is None:
        return load_zegclip(folder, cache_dir=cache_dir, device=device, show_progress=show_progress)
    base = load_backbone(
        parse_notation(str(manifest["backbone"]["notation"])),
        cache_dir=cache_dir,
        device=device,
        show_progress=show_progress,
    )
    adaptation = load_adaptation(folder, manifest, base)
    named = _named(
        base,
        folder,
        sizes=adapted_sizes(folder, manifest, base),
        image_mean=base.image_mean,
        image_std=base.image_std,
        none_cosine=base.none_cosine,
        templates=base.templates,
    )
    return AdaptedHead(adaptation=adaptation, backbone=named)


def load_zegclip(
    folder: Path,
    *,
    cache_dir: Path | None = None,
    device: str | torch.device = "cpu",
    show_progress: bool = False,
) -> ZegCLIPHead:
    """Load a compact checkpoint and the backbone that it names.

    Args:
        folder: the checkpoint.
        cache_dir: where published weights and text features are kept.
        device: where the weights go.
        show_progress: whether downloads draw a progress bar.

    The head's backbone carries the checkpoint's name, pixel scale, image sizes and templates.

    Raises `CheckpointError` and its kinds: `CheckpointDamagedError`, `BackboneMismatchError`; `ModelError` as
    for `load_backbone`.

    """
    checkpoint = read_checkpoint(folder)
    facts = checkpoint.facts
    base = load_backbone(
        parse_notation(backbone_notation(folder, facts.backbone)),
        cache_dir=cache_dir,
        device=device,
        show_progress=show_progress,
    )
    model = build_model(checkpoint, base)
    backbone = _as_trained(base, model, folder, facts)
    bank = TextBank(backbone=backbone, cache_dir=cache_dir / "text" if cache_dir else None)
    seen = [
        Label(name=one.name, prompts=tuple(dict.fromkeys((one.name, *one.prompts))))
        for one in facts.classes
        if one.seen
    ]
    return ZegCLIPHead(
        model=model,
        backbone=backbone,
        seen_text=bank.embed(seen)[0] if seen and facts.seen_bias else None,
        seen_bias=facts.seen_bias,
        none_probability=facts.none_probability,
    )


def learned_on(notation: str) -> str:
    """Return the notation of the CLIP that a model stands on: its own, or what a trained model names.

    Raises `CheckpointError` and its kinds for a trained model that cannot be read, `UnknownModelError`.
    """
    folder = parse_notation(notation).path
    if folder is None or not is_checkpoint(folder):
        return notation
    manifest = adaptation_manifest(folder)
    if manifest is not None:
        return str(manifest["backbone"]["notation"])
    return backbone_notation(folder, read_facts(folder).backbone)


def build_model(checkpoint: CompactCheckpoint, backbone: Backbone) -> ZegCLIP:
    """Build the model on a backbone and fill in what was learned.

    Raises `BackboneMismatchError` when the backbone is not the one of the training, `CheckpointError` when
    the weights are not those that the manifest's options ask for.
    """
    reference = checkpoint.facts.backbone
    if backbone.digest != reference.digest:
        raise BackboneMismatchError(
            f"{checkpoint.folder} was trained on {reference.notation} with the SHA-256 "
            f"{reference.digest[:12]}…, but {backbone.name} here has {backbone.digest[:12]}…: bring back "
            "that backbone, or train on the present one"
        )
    model = ZegCLIP.on_backbone(backbone, checkpoint.facts.options)
    learned = {name: tuple(one.shape) for name, one in model.learned_parameters()}
    stored = {name: tuple(one.shape) for name, one in checkpoint.weights.items()}
    if learned != stored:
        odd = sorted(dict(learned.items() ^ stored.items()))
        raise CheckpointError(
            f"{checkpoint.folder}: weights and options do not belong together, {odd[0]} and {len(odd) - 1} "
            "others differ: copy the whole folder again from where it came"
        )
    model.load_state_dict(checkpoint.weights, strict=False)
    return model.eval()


def backbone_notation(folder: Path, reference: BackboneReference) -> str:
    """Return the notation by which a checkpoint's backbone is loaded."""
    return reference.notation if reference.folder is None else str(folder / reference.folder)


def _as_trained(base: Backbone, model: ZegCLIP, folder: Path, facts: CheckpointFacts) -> Backbone:
    """The same CLIP as the trained model sees it."""
    return _named(
        base,
        folder,
        sizes=facts.sizes,
        image_mean=model.image_mean,
        image_std=model.image_std,
        none_cosine=None,
        templates=facts.templates,
    )


def _named(
    base: Backbone,
    folder: Path,
    *,
    sizes: InputSizes,
    image_mean: Tensor,
    image_std: Tensor,
    none_cosine: float | None,
    templates: tuple[str, ...],
) -> Backbone:
    """The same CLIP under the name and revision of a checkpoint's folder."""
    spec = parse_notation(str(folder.resolve()))
    backbone = Backbone(
        clip=base.clip,
        tokenizer=base.tokenizer,
        name=model_name(spec),
        revision=model_revision(spec),
        digest=base.digest,
        stride=base.stride,
        sizes=sizes,
        image_mean=image_mean.flatten().tolist(),
        image_std=image_std.flatten().tolist(),
        none_cosine=none_cosine,
        templates=templates,
    )
    return backbone.to(base.device)
