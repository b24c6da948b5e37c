"""Fetching the next task's images while the model is busy with this one's."""

import threading
from collections.abc import Collection
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from backend.images.errors import ImageError
from backend.images.source import ImageSource

_Announced = dict[tuple[str, int | str | None], Future[bytes]]


class ReadAhead:
    """Images of a run of tasks: what was announced is fetched beside the model, the rest when asked for.

    A task's images are fetched one after the other, so that a server sees two requests of a
    worker at most. What is at hand already costs no thread: starting one, the model waits.

    Args:
        images: fetches and decodes.
        project: keeps download caches of projects apart.

    """

    def __init__(self, images: ImageSource, *, project: str) -> None:
        self._images = images
        self._project = project
        self._announced: _Announced = {}

    def announce(self, addresses: Collection[str], *, task_id: int | str | None) -> None:
        """Begin to fetch the images of a task that comes next.

        A failure is kept for the one who asks for the image.

        Args:
            addresses: as the task's data gives them.
            task_id: the task's.

        """
        wanted: _Announced = {
            (address, task_id): Future() for address in addresses if not self._is_at_hand(address)
        }
        if not wanted:
            return
        self._announced |= wanted
        # A daemon: a server that keeps a download hanging must not keep the process from ending.
        threading.Thread(target=self._fetch_all, args=(wanted,), name="read ahead", daemon=True).start()

    def fetch(self, address: str, *, task_id: int | str | None) -> bytes:
        """Return an image file's bytes; errors as for `ImageSource.load`."""
        announced = self._announced.pop((address, task_id), None)
        if announced is None:
            return self._images.fetch(address, task_id=task_id, project=self._project)
        return announced.result()

    def decode(self, content: bytes) -> NDArray[np.uint8]:
        """Return the pixels (H, W, 3) uint8 of an image file; errors as for `ImageSource.load`."""
        return self._images.decode(content)

    def _is_at_hand(self, address: str) -> bool:
        try:
            return self._images.is_at_hand(address, project=self._project)
        except ImageError:
            # Raised again where the image is asked for, within its own task.
            return True

    def _fetch_all(self, wanted: _Announced) -> None:
        for (address, task_id), future in wanted.items():
            try:
                future.set_result(self._images.fetch(address, task_id=task_id, project=self._project))
            except BaseException as error:
                # Raised where the image is asked for, within its own task.
                future.set_exception(error)
