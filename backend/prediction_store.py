"""Predictions into Label Studio: many in one call, each at most once, refused ones told one by one."""

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.label_studio.client import LabelStudioClient
from backend.label_studio.errors import ApiError, LabelStudioError, LabelStudioUnreachableError
from backend.label_studio.patience import with_patience

_log = logging.getLogger(__name__)
# A call takes Label Studio as long as a few images take the model, however few predictions it brings, and
# meanwhile it gives out no images.
_MOST_TOGETHER = 32
# Numbers of masks in one call: about 15 MB, far below what Label Studio takes at once.
_MOST_NUMBERS = 4_000_000


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """A task without a prediction, and why."""

    task: int
    kind: str
    message: str


@dataclass(slots=True)
class PredictionStore:
    """Stores a project's predictions, the first ones at once and later ones together.

    Attributes:
        client: Label Studio.
        project: the project's number.
        seconds: how long predictions are held back at most, as long as more are added.
        sleep: waits between the tries of a call that Label Studio does not answer.
        done: predictions stored.
        regions: regions in those.
        refused: predictions that Label Studio did not take, with its reasons.

    """

    client: LabelStudioClient
    project: int
    seconds: float
    sleep: Callable[[float], None] = time.sleep
    done: int = 0
    regions: int = 0
    refused: list[TaskFailure] = field(default_factory=list)
    _held: list[dict[str, Any]] = field(default_factory=list)
    _asked: bool = False
    _next: float = 0.0

    def add(self, predictions: Sequence[dict[str, Any]]) -> None:
        """Take predictions (`task`, `result`, `score`, `model_version`), and store all that are held in time.

        Raises `LabelStudioError` when Label Studio stays away; what is held stays held.
        """
        self._held += predictions
        full = len(self._held) >= _MOST_TOGETHER or sum(map(_numbers, self._held)) >= _MOST_NUMBERS
        if full or time.monotonic() >= self._next:
            self.store()

    def store(self) -> None:
        """Store all that is held; errors as for `add`."""
        if self._held and not self._stored_together():
            self._store_one_by_one()
        self._next = time.monotonic() + self.seconds

    def rescue(self) -> None:
        """Store what is held if Label Studio takes it now: the run ends, so this neither waits nor raises.

        What Label Studio was asked to store before, and may have stored, is left to the next run.
        """
        if not self._held:
            return
        try:
            if not self._asked and self._stored_together():
                return
        except LabelStudioError as error:
            _log.warning("%s", error)
        _log.warning("%d painted tasks are not stored; the next run paints them again", len(self._held))

    def _stored_together(self) -> bool:
        self._asked = True
        try:
            created = self.client.import_predictions(self.project, self._held)
        except (LabelStudioUnreachableError, ApiError) as error:
            # It may have stored them all before its answer was lost: from here each is looked for first.
            _log.warning("predictions were not stored together: %s", error)
            return False
        if created != len(self._held):
            return False
        for prediction in self._held:
            self._count(prediction)
        self._held, self._asked = [], False
        return True

    def _store_one_by_one(self) -> None:
        # Label Studio leaves out what it does not like without a word: alone, it gives its reasons.
        while self._held:
            prediction = self._held[0]
            try:
                with_patience(functools.partial(self._create_once, prediction), sleep=self.sleep)
            except ApiError as error:
                self.refused.append(TaskFailure(prediction["task"], "refused", str(error)))
            else:
                self._count(prediction)
            del self._held[0]
        self._asked = False

    def _create_once(self, prediction: Mapping[str, Any]) -> None:
        if prediction["model_version"] not in self.client.versions_of_task(prediction["task"]):
            self.client.create_prediction(prediction)

    def _count(self, prediction: Mapping[str, Any]) -> None:
        self.done += 1
        self.regions += len(prediction["result"])


def _numbers(prediction: Mapping[str, Any]) -> int:
    return sum(len(region.get("value", {}).get("rle", ())) for region in prediction["result"])
