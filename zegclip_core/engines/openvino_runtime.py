"""The OpenVINO package, and the one runtime of it that a process has."""

import functools
import sys
import threading
from typing import Any

from zegclip_core.errors import EngineError

_making = threading.Lock()


def import_openvino() -> Any:
    """Return the package; raises `EngineError` that tells how to install it."""
    # OpenVINO and NNCF report their use to their makers unless this module is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise EngineError(
            "OpenVINO is not installed: pip install 'zegclip-label-studio[fast]', or set the engine to torch"
        ) from error
    return openvino


def openvino_core() -> Any:
    """Return the process's only `Core`, which lives as long as the process; safe to call from any thread.

    The CPU plugin of each `Core` gives the thread that brings it in an alternate signal stack
    (`SigAltStackSetup`, for AMX) and unmaps it when it is freed. Two that are freed in the order of their
    making, or one that another thread frees, leave a thread with a signal stack that is gone, and the next
    signal with a Python handler (SIGTERM, a job's SIGALRM, SIGCHLD of a data loader) ends the process with a
    segmentation fault; seen with OpenVINO 2026.4. One that is never freed cannot do that.

    Raises `EngineError` as `import_openvino` does.
    """
    openvino = import_openvino()
    with _making:
        return _core(openvino)


@functools.cache
def _core(openvino: Any) -> Any:
    core = openvino.Core()
    # Brings the plugin in now, before anything else can make a `Core`.
    core.get_property("CPU", "FULL_DEVICE_NAME")
    return core
