"""The models that serve projects, loaded when a job needs them."""

import logging
import threading
from collections import OrderedDict
from pathlib import Path

from backend.learning.project_folder import ProjectFolder, learning_root
from zegclip_core.errors import ZegCLIPError
from zegclip_core.segmenter import Segmenter, build_segmenter

_log = logging.getLogger(__name__)
_MOST_LOADED = 4


class Champions:
    """Segmenters by project; the few used last stay in memory.

    Each call looks at the project's alias, so a promotion or a rollback counts from the next job on.

    Args:
        base: the model of projects that have not learned yet, and of those whose versions cannot be loaded.
        data_dir: the product's data folder.
        device: auto, cpu or cuda.

    """

    def __init__(self, *, base: Segmenter, data_dir: Path, device: str) -> None:
        self._base = base
        self._data_dir = data_dir
        self._device = device
        self._loaded: OrderedDict[tuple[str, int], Segmenter] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: str | None) -> tuple[Segmenter, str]:
        """Return the segmenter that serves a project and the version that its predictions carry."""
        if not key:
            return self._base, self._base.model_version
        folder = ProjectFolder(root=learning_root(self._data_dir), key=key)
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
        version = folder.registry.champion()
        if version is None:
            return None
        try:
            segmenter = build_segmenter(
                str(version.model_folder), cache_dir=self._data_dir / "models", device=self._device
            )
        except ZegCLIPError as error:
            _log.error("version %d of project %s cannot be loaded: %s", version.number, folder.key, error)
            return None
        self._loaded[folder.key, version.number] = segmenter
        while len(self._loaded) > _MOST_LOADED:
            self._loaded.popitem(last=False)
        _log.info("project %s is served by version %d", folder.key, version.number)
        return version.number
