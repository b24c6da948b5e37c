"""The one predictor of a worker process, loaded before its first job."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backend.errors import BackendError

if TYPE_CHECKING:
    from backend.images.source import ImageSource
    from backend.jobs.picture import Pictures
    from backend.learning.champions import Champions
    from zegclip_core.feature_cache import FeatureCache
    from zegclip_core.segmenter import Segmenter


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded model and the way to its images.

    Attributes:
        segmenter: the base model.
        images: fetches the tasks' images.
        model_version: what predictions carry.
        champions: the models of projects that have learned; None when projects do not learn.
        features: what has been encoded before, for all models; None keeps nothing.
        pictures: keeps pictures of predictions for the status page; None keeps none.

    """

    segmenter: "Segmenter"
    images: "ImageSource"
    model_version: str
    champions: "Champions | None" = None
    features: "FeatureCache | None" = None
    pictures: "Pictures | None" = None

    @property
    def paints_together(self) -> bool:
        """Whether the tasks of a job are better painted in one batch: a GPU takes many images at once."""
        return self.segmenter.head.backbone.device.type == "cuda"

    def for_project(self, key: str | None) -> "Predictor":
        """Return this predictor with the model that serves a project now."""
        if self.champions is None:
            return self
        segmenter, version = self.champions.of(key)
        return replace(self, segmenter=segmenter, model_version=version)


class NoPredictorError(BackendError):
    """A prediction job runs in a process that loaded no model."""


_installed: list[Predictor] = []


def install_predictor(predictor: Predictor) -> None:
    """Make a predictor the one of this process."""
    _installed[:] = [predictor]


def installed_predictor() -> Predictor:
    """Return the predictor of this process; raises `NoPredictorError` when none was loaded."""
    if not _installed:
        raise NoPredictorError(
            "this worker has no model: prediction jobs belong to `zegclip worker inference`"
        )
    return _installed[0]
