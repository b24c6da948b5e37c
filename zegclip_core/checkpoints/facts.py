"""What a compact checkpoint says of itself beside its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.errors import CheckpointError, ModelOptionError
from zegclip_core.zegclip.options import ZegCLIPOptions
from zegclip_core.zegclip.seen_bias import RELEASED_SEEN_BIAS

FORMAT = "zegclip-compact"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedClass:
    """A class that the model was trained for.

    Attributes:
        name: its name in the data set.
        prompts: the words that text features were made of.
        seen: whether its pixels were labelled in training.

    """

    name: str
    prompts: tuple[str, ...]
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneReference:
    """The frozen CLIP that the weights belong to.

    Attributes:
        notation: as for `parse_notation`.
        digest: SHA-256 of the backbone's weight file.
        folder: where it lies inside the checkpoint's own folder; None when it comes from where notation says.

    """

    notation: str
    digest: str
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFacts:
    """Everything but the weights.

    Attributes:
        name: what predictions call the model.
        backbone: the CLIP it stands on.
        options: what it is made of.
        sizes: the image sizes it was trained for.
        templates: the sentences that words were put into.
        classes: the classes it was trained for.
        seen_bias: subtracted from the probability of seen classes at inference.
        none_probability: the probability below which a patch is none of the words; None for models that never
            learned to refuse, which get background words to compete with instead.
        recipe: the settings it was trained with.
        metrics: what it reached.

    """

    name: str
    backbone: BackboneReference
    options: ZegCLIPOptions
    sizes: InputSizes
    templates: tuple[str, ...]
    classes: tuple[TrainedClass, ...]
    seen_bias: float = RELEASED_SEEN_BIAS
    none_probability: float | None = 0.5
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)


def facts_to_json(facts: CheckpointFacts) -> dict[str, Any]:
    """Turn facts into plain values, the format's name and version first."""
    return {"format": FORMAT, "version": VERSION, **asdict(facts)}


def facts_from_json(document: Any) -> CheckpointFacts:
    """Read facts; raise `CheckpointError` for another format, a newer version, or missing or odd entries."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CheckpointError(f"it is no {FORMAT} manifest")
    if document.get("version") != VERSION:
        raise CheckpointError(
            f"its version is {document.get('version')!r}, this program reads {VERSION}: update one of the two"
        )
    try:
        options = dict(document["options"])
        grid = options.get("position_grid")
        options["position_grid"] = None if grid is None else (int(grid[0]), int(grid[1]))
        return CheckpointFacts(
            name=str(document["name"]),
            backbone=BackboneReference(**document["backbone"]),
            options=ZegCLIPOptions(**options),
            sizes=InputSizes(**document["sizes"]),
            templates=tuple(document["templates"]),
            classes=tuple(
                TrainedClass(name=one["name"], prompts=tuple(one["prompts"]), seen=bool(one["seen"]))
                for one in document["classes"]
            ),
            seen_bias=float(document["seen_bias"]),
            none_probability=document["none_probability"],
            recipe=document["recipe"],
            metrics=document["metrics"],
        )
    except (KeyError, TypeError, ValueError, IndexError, ModelOptionError) as error:
        raise CheckpointError(f"its entries are not those of the format: {error!r}") from error
