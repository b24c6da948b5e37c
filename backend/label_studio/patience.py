"""Waiting for a Label Studio that is away for a while."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from backend.label_studio.errors import LabelStudioUnreachableError

_log = logging.getLogger(__name__)
# An outage, such as a restart, is waited out: seconds between the tries of one call.
_WAITS = (1.0, 3.0, 10.0, 30.0, 60.0, 60.0, 60.0)
_Reply = TypeVar("_Reply")


def with_patience(call: Callable[[], _Reply], *, sleep: Callable[[float], None] = time.sleep) -> _Reply:
    """Return what a call returns, after minutes of waiting for Label Studio if need be.

    Args:
        call: may be made more than once.
        sleep: waits for a number of seconds.

    Raises `LabelStudioUnreachableError` when Label Studio stays away, and what else the call raises at once.

    """
    for wait in _WAITS:
        try:
            return call()
        except LabelStudioUnreachableError as error:
            _log.warning("%s; trying again in %.0f s", error, wait)
            sleep(wait)
    return call()
