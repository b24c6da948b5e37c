"""The extra `[fast]`, asked for as the product does: its packages tell their makers nothing."""

import pytest

from zegclip_core.engines.openvino_runtime import import_openvino
from zegclip_core.errors import EngineError

_REASON = "the extra [fast] is not installed"


def require_fast_extra() -> None:
    """Skip the test where OpenVINO or NNCF is missing."""
    try:
        import_openvino()
    except EngineError:
        pytest.skip(_REASON)
    pytest.importorskip("nncf", reason=_REASON)
