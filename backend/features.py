"""The cache of encoded images as the settings open it."""

from concurrent.futures import ThreadPoolExecutor

from backend.settings import Settings
from zegclip_core.feature_cache import FeatureCache
from zegclip_core.file_cache import FileCache


def open_features(settings: Settings) -> FeatureCache:
    """Return the cache of encoded images; its files lie in the data folder and are shared by all workers."""
    files = FileCache(folder=settings.data_dir / "features", max_bytes=settings.feature_cache_bytes)
    return FeatureCache(
        memory_bytes=settings.feature_memory_bytes,
        files=files if settings.feature_cache_bytes else None,
        # Ends with the process, after what waits has been written.
        writer=ThreadPoolExecutor(1, thread_name_prefix="feature files"),
    )
