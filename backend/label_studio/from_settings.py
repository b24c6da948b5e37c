"""Label Studio as the settings name it."""

from backend.label_studio.client import LabelStudioClient
from backend.label_studio.origin import LabelStudioOrigin
from backend.settings import Settings


def open_origin(settings: Settings) -> LabelStudioOrigin:
    """Return the configured address with its token; nothing is called yet."""
    key = settings.label_studio_api_key
    return LabelStudioOrigin(
        url=settings.label_studio_url, api_key=key.get_secret_value() if key is not None else None
    )


def open_client(settings: Settings) -> LabelStudioClient:
    """Return the API of the configured Label Studio; nothing is called yet."""
    return LabelStudioClient(origin=open_origin(settings))
