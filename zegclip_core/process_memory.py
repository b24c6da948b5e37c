"""What a process does with memory that it has freed."""

import ctypes
import sys

# glibc's <malloc.h>. Setting either one ends glibc's own adjustment of both.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 256 * 1024 * 1024
# The most that glibc takes. Larger arrays, such as a huge photograph, still go back to the system at once.
_OWN_MAPPING_BYTES = 32 * 1024 * 1024


def keep_freed_memory() -> bool:
    """Let this process keep up to 256 MiB that it has freed, for the next image.

    Otherwise the C library gives a model's large arrays back to the system after every image, and the system
    clears them page by page when they are asked for again: a tenth of a prediction's time on a processor.

    Returns whether the C library could be told; only glibc can.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    limits = ((_MMAP_THRESHOLD, _OWN_MAPPING_BYTES), (_TRIM_THRESHOLD, _KEPT_BYTES))
    return all(mallopt(name, value) == 1 for name, value in limits)
