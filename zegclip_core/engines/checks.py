"""What was measured of engines for a model, kept beside its conversions, for each kind of processor."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from zegclip_core.atomic_files import write_atomically
from zegclip_core.engines.precision import PRECISIONS, Precision
from zegclip_core.errors import EngineError

LARGEST_LOSS = 0.5
_CHECKS_FILE = "checks.json"
_CPU_INFORMATION = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCheck:
    """What OpenVINO reached at one precision.

    Attributes:
        precision: what was checked.
        loss: points of mIoU below PyTorch on the hold-out; negative for a gain.
        ratio: how many times faster than PyTorch one image was encoded.
        images: how many images of the hold-out were scored.
        dataset: the hold-out's name and split.

    """

    precision: Precision
    loss: float
    ratio: float
    images: int
    dataset: str

    @property
    def is_offered(self) -> bool:
        """Whether it loses at most half a point and is faster."""
        return self.loss <= LARGEST_LOSS and self.ratio > 1


def engine_folder(cache_dir: Path, encoding_digest: str) -> Path:
    """Return where the conversions of a tower lie, told by what its encoding depends on."""
    return cache_dir / "engines" / hashlib.sha256(encoding_digest.encode()).hexdigest()[:16]


def read_checks(folder: Path) -> list[EngineCheck]:
    """Return what was measured on processors like this one; raises `EngineError` for a damaged file."""
    path = folder / _CHECKS_FILE
    if not path.is_file():
        return []
    try:
        by_processor = json.loads(path.read_text(encoding="utf-8"))
        checks = [EngineCheck(**entry) for entry in by_processor.get(processor_key(), [])]
    except (ValueError, TypeError, AttributeError) as error:
        raise EngineError(f"{path} is damaged ({error}): delete it and check again") from error
    return [check for check in checks if check.precision in PRECISIONS]


def write_checks(folder: Path, checks: list[EngineCheck]) -> None:
    """Keep what was measured on this processor, beside what was measured on others."""
    path = folder / _CHECKS_FILE
    by_processor = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    by_processor[processor_key()] = [asdict(check) for check in checks]
    write_atomically(path, json.dumps(by_processor, indent=1).encode())


def processor_key() -> str:
    """Return what tells kinds of processors apart: architecture and instruction sets, as a short digest."""
    try:
        lines = _CPU_INFORMATION.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = [platform.processor()]
    flags = next(
        (line for line in lines if line.startswith(("flags", "Features"))), lines[0] if lines else ""
    )
    return hashlib.sha256(f"{platform.machine()} {' '.join(sorted(flags.split()))}".encode()).hexdigest()[:12]
