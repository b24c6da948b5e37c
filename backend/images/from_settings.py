"""The way to images as the settings open it."""

from backend.images.source import ImageSource
from backend.label_studio.from_settings import open_origin
from backend.settings import Settings


def open_images(settings: Settings) -> ImageSource:
    """Return the source of task images, with the download cache of the data folder."""
    return ImageSource(
        label_studio=open_origin(settings),
        cache_dir=settings.data_dir / "images",
        cache_bytes=settings.image_cache_bytes,
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_pixels,
        local_files_root=settings.local_files_root,
        allowed_private_hosts=settings.allowed_private_hosts,
    )
