"""The model of this example: ZegCLIP for upstream's server."""

from backend.label_studio_ml_adapter import ZegCLIPBackend

__all__ = ["ZegCLIPBackend"]
