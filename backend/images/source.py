"""The one place that fetches images of tasks."""

import copy
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.images.address_guard import AddressGuard, Resolve, resolve
from backend.images.credentials import BasicCredentials
from backend.images.errors import (
    ImageAddressError,
    ImageContentError,
    ImageError,
    ImageMissingError,
    ImageRefusedError,
    ImageUnreachableError,
)
from backend.images.http_download import HttpDownloader
from backend.images.loader import decode_image
from backend.images.recent_failures import RecentFailures
from backend.images.task_address import TaskAddress, decode_inline, presign_path, read_task_address
from backend.label_studio.errors import LabelStudioUnreachableError, TokenError
from backend.label_studio.origin import LabelStudioOrigin, refused
from zegclip_core.file_cache import FileCache

_FAILURE_SECONDS = 60.0


class ImageSource:
    """From the value of a task's image field to pixels, by the rules of each kind of address.

    Args:
        label_studio: the only server that ever gets the token.
        cache_dir: folder of the download cache.
        cache_bytes: cap of the download cache in bytes.
        max_bytes: largest file in bytes.
        max_pixels: largest image in pixels.
        local_files_root: folder below which local files are read directly; None asks Label Studio for them.
        allowed_private_hosts: hosts on private addresses from which images may be fetched.
        resolver: from a host and port to IP addresses.

    """

    def __init__(
        self,
        *,
        label_studio: LabelStudioOrigin,
        cache_dir: Path,
        cache_bytes: int,
        max_bytes: int,
        max_pixels: int,
        local_files_root: Path | None = None,
        allowed_private_hosts: Collection[str] = (),
        resolver: Resolve = resolve,
    ) -> None:
        self._label_studio = label_studio
        self._cache = FileCache(folder=cache_dir, max_bytes=cache_bytes)
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._local_files_root = local_files_root.resolve() if local_files_root else None
        guard = AddressGuard(
            allowed_hosts=allowed_private_hosts,
            allowed_origins=[(label_studio.host, label_studio.port)],
            resolver=resolver,
        )
        self._downloader = HttpDownloader(guard=guard, max_bytes=max_bytes)
        self._failures = RecentFailures(seconds=_FAILURE_SECONDS)
        self._credentials: BasicCredentials | None = None

    def with_credentials(self, credentials: BasicCredentials | None) -> "ImageSource":
        """Return this source for one project's images: hosts that ask for Basic authentication get it."""
        source = copy.copy(self)
        source._credentials = credentials
        return source

    def load(
        self, value: object, *, task_id: int | str | None = None, project: str = ""
    ) -> NDArray[np.uint8]:
        """Return the image (H, W, 3) uint8 at its displayed size.

        Args:
            value: what the task's data gives as the image.
            task_id: needed for images in cloud storages, which Label Studio signs by task.
            project: keeps the caches of projects apart.

        Raises an `ImageError`; its `passing` tells whether the next try may succeed.

        """
        return self.decode(self.fetch(value, task_id=task_id, project=project))

    def decode(self, content: bytes) -> NDArray[np.uint8]:
        """Return the pixels (H, W, 3) uint8 of an image file, at its displayed size; errors as for `load`."""
        return decode_image(content, max_pixels=self._max_pixels)

    def fetch(self, value: object, *, task_id: int | str | None = None, project: str = "") -> bytes:
        """Return the image file's bytes; arguments and errors as for `load`."""
        address = read_task_address(value)
        if address.kind == "inline":
            return decode_inline(address.text, max_bytes=self._max_bytes)
        if address.kind == "local_file" and self._local_files_root is not None:
            return self._read_local(address, self._local_files_root)
        key = self._cache_key(address, project)
        data = self._cache.get(key)
        if data is None:
            # Whoever comes with other credentials may succeed.
            self._failures.raise_if_known((key, self._credentials))
            try:
                data = self._download(address, task_id)
            except ImageError as error:
                self._failures.remember((key, self._credentials), error)
                raise
            self._cache.put(key, data)
        return data

    def is_at_hand(self, value: object, *, project: str = "") -> bool:
        """Whether `fetch` has an image without asking a server or a folder, which may be far away too.

        Raises `ImageAddressError` for what is no address.
        """
        address = read_task_address(value)
        return address.kind == "inline" or self._cache_key(address, project) in self._cache

    def _cache_key(self, address: TaskAddress, project: str) -> str:
        return f"{self._label_studio.url} {project} {address.cache_key}"

    def _download(self, address: TaskAddress, task_id: int | str | None) -> bytes:
        if address.kind == "web":
            if not self._label_studio.owns(address.text):
                return self._from_web(address.text)
            return self._from_label_studio(address.text)
        if address.kind == "cloud":
            task_id = address.task_id or task_id
            if task_id is None:
                raise ImageAddressError(
                    f"{address.shown} needs its task's id: Label Studio signs files by task"
                )
            return self._from_label_studio(self._label_studio.url + presign_path(address, task_id))
        return self._from_label_studio(self._label_studio.url + address.text)

    def _from_web(self, url: str) -> bytes:
        try:
            return self._downloader.fetch(url)
        except ImageRefusedError as error:
            # As a browser does: the password goes to hosts that ask for it, and to no other.
            if error.status != 401 or self._credentials is None:
                raise
            return self._downloader.fetch(url, headers=self._credentials.headers())

    def _from_label_studio(self, url: str) -> bytes:
        try:
            try:
                return self._downloader.fetch(url, headers=self._label_studio.headers())
            except ImageRefusedError:
                if self._label_studio.token_kind != "personal":
                    raise
                return self._downloader.fetch(url, headers=self._label_studio.headers(renew=True))
        except ImageRefusedError as error:
            cure = refused(self._label_studio.url, 401, self._label_studio.token_kind)
            raise ImageRefusedError(f"{error}. {cure}") from error
        except TokenError as error:
            raise ImageRefusedError(str(error)) from error
        except LabelStudioUnreachableError as error:
            raise ImageUnreachableError(str(error)) from error

    def _read_local(self, address: TaskAddress, root: Path) -> bytes:
        try:
            path = (root / address.local_path.lstrip("/")).resolve()
        except ValueError as error:
            raise ImageAddressError(f"{address.shown} is no path: {error}") from error
        if not path.is_relative_to(root):
            raise ImageAddressError(f"{address.shown} leads out of the folder of local files")
        try:
            if not path.is_file():
                raise ImageMissingError(f"{address.shown} is no file below the folder of local files")
            if path.stat().st_size > self._max_bytes:
                raise ImageContentError(
                    f"{address.shown} is larger than the {self._max_bytes:,} bytes allowed"
                )
            return path.read_bytes()
        except OSError as error:
            raise ImageMissingError(f"cannot read {address.shown}: {error.strerror}") from error
