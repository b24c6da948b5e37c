"""What a training job is doing, for those who wait for it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Stage = Literal["reading corrections", "training", "comparing", "publishing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """Where a training job stands.

    Attributes:
        stage: what it does.
        done, total: steps of the stage; 0 of 0 when they are not counted.
        seconds_left: of the stage, estimated; None where there is no estimate.
        loss: of the last training step.

    """

    stage: Stage
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    loss: float | None = None

    def to_document(self) -> dict[str, Any]:
        """Return the progress as JSON."""
        return asdict(self)


Report = Callable[[StageProgress], None]
