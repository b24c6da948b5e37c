"""Which task of a job its workers died of, so that one task cannot take those beside it along."""

from collections import Counter

from rq.job import Job

from backend.errors import BackendError

# One death may be chance: somebody ended the process, or something else took the memory.
_DEATHS_OF_A_POISONOUS_TASK = 2
_UNDER_WAY, _DEATHS = "task_under_way", "deaths"
_ALL = -1


class PoisonousTaskError(BackendError):
    """Workers died again and again while they painted this task."""

    def __init__(self) -> None:
        super().__init__(
            f"{_DEATHS_OF_A_POISONOUS_TASK} workers died while they painted this task, which is given up: is "
            "its image too large for the worker's memory?"
        )


class Deaths:
    """Keeps in a job's record which task is under way, and reads there what that was when a worker died.

    Args:
        job: the job that begins now, for the first time or once more.

    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._deaths = Counter({int(place): count for place, count in job.meta.get(_DEATHS, {}).items()})
        if _UNDER_WAY in job.meta:
            self._deaths[job.meta.pop(_UNDER_WAY)] += 1
            job.meta[_DEATHS] = dict(self._deaths)

    @property
    def any(self) -> bool:
        """Whether a worker has died of this job: then its tasks are better painted one by one."""
        return bool(self._deaths)

    def begin_all(self) -> None:
        """Note that all tasks are under way at once."""
        self._begin(_ALL)

    def begin(self, place: int) -> None:
        """Note that a task, by its place in the job, is under way; raises `PoisonousTaskError`."""
        if self._deaths[place] + self._deaths[_ALL] >= _DEATHS_OF_A_POISONOUS_TASK and self._deaths[place]:
            raise PoisonousTaskError
        self._begin(place)

    def _begin(self, place: int) -> None:
        self._job.meta[_UNDER_WAY] = place
        self._job.save_meta()

    def end(self) -> None:
        """Note that all tasks are done."""
        self._job.meta.pop(_UNDER_WAY, None)
        self._job.save_meta()
