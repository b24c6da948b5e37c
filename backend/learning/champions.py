"""The models that serve projects, loaded when a job needs them."""

import logging
import threading
from collections import OrderedDict
from pathlib import Path

from backend.learning.learning_storage import LearningStorage, open_learning
from backend.learning.project_folder import ProjectFolder
from backend.settings import Settings
from training.registry.registry import Version
from training.storage.errors import StorageAwayError
from zegclip_core.engines.checks import LARGEST_LOSS
from zegclip_core.engines.choice import set_engine
from zegclip_core.engines.precision import EngineWish
from zegclip_core.errors import ZegCLIPError
from zegclip_core.segmenter import Segmenter, build_segmenter

_log = logging.getLogger(__name__)
_MOST_LOADED = 4


class Champions:
    """Segmenters by project; the few used last stay in memory.

    Each call looks at the project's alias, so a promotion or a rollback counts from the next job on. While a
    shared storage is away, the version that served last goes on serving.

    Args:
        base: the model of projects that have not learned yet, and of those whose versions cannot be loaded.
        learning: where the projects' versions are.
        cache_dir: where weights and conversions are kept.
        device: auto, cpu or cuda.
        engine: what computes image towers; a version that lost too much on it, or was never measured on it,
            runs on torch.

    """

    def __init__(
        self,
        *,
        base: Segmenter,
        learning: LearningStorage,
        cache_dir: Path,
        device: str,
        engine: EngineWish = "torch",
    ) -> None:
        self._base = base
        self._learning = learning
        self._cache_dir = cache_dir
        self._device = device
        # A version on torch serves better than the base model on the engine that was wished for.
        self._engine: EngineWish = "torch" if engine == "torch" else "auto"
        self._loaded: OrderedDict[tuple[str, int], Segmenter] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: str | None) -> tuple[Segmenter, str]:
        """Return the segmenter that serves a project and the version that its predictions carry."""
        if not key:
            return self._base, self._base.model_version
        folder = self._learning.project(key)
        with self._lock:
            number = folder.registry.aliases.champion
            if number is not None and (key, number) not in self._loaded:
                number = self._load(folder)
            if number is None:
                return self._base, self._base.model_version
            self._loaded.move_to_end((key, number))
            return self._loaded[key, number], folder.version_name(number)

    def _load(self, folder: ProjectFolder) -> int | None:
        """Load the champion after checking its files; return its number, None for the base."""
        try:
            version = folder.registry.champion()
        except StorageAwayError as error:
            served = next((number for key, number in reversed(self._loaded) if key == folder.key), None)
            _log.error("project %s stays on version %s: %s", folder.key, served, error)
            return served
        if version is None:
            return None
        try:
            segmenter = self._build(version)
        except ZegCLIPError as error:
            _log.error("version %d of project %s cannot be loaded: %s", version.number, folder.key, error)
            return None
        self._loaded[folder.key, version.number] = segmenter
        while len(self._loaded) > _MOST_LOADED:
            self._loaded.popitem(last=False)
        _log.info("project %s is served by version %d", folder.key, version.number)
        return version.number

    def _build(self, version: Version) -> Segmenter:
        segmenter = build_segmenter(
            str(version.model_folder), cache_dir=self._cache_dir, device=self._device, engine=self._engine
        )
        if self._engine != "torch":
            name = segmenter.head.tower.engine_name
            loss = version.facts.engine_losses.get(name)
            if name != "torch" and (loss is None or loss > LARGEST_LOSS):
                lost = "an unknown loss" if loss is None else f"a loss of {loss:.2f}"
                _log.info("version %d runs on torch: %s has %s of mIoU", version.number, name, lost)
                set_engine(segmenter.head, "torch", cache_dir=None)
        return segmenter


def open_champions(base: Segmenter, settings: Settings) -> Champions:
    """Return the models of projects as the settings say; `base` serves where there is none."""
    return Champions(
        base=base,
        learning=open_learning(settings),
        cache_dir=settings.data_dir / "models",
        device=settings.device,
        engine=settings.engine,
    )
