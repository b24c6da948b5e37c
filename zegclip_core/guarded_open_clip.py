"""The one place that imports open_clip, after torchvision has been made importable."""

from zegclip_core.torchvision_guard import declare_missing_operators

declare_missing_operators()

import open_clip  # noqa: E402

__all__ = ["open_clip"]
