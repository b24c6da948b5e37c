"""How far a running job is, in words."""

from collections.abc import Mapping

from rq.job import Job


def progress_words(job: Job) -> str:
    """Return what a job last told about itself, such as `training, 40 of 300`; empty for nothing."""
    progress = job.meta.get("progress")
    if not isinstance(progress, Mapping):
        return ""
    parts = [str(progress.get("stage", ""))]
    if progress.get("total"):
        parts.append(f"{progress['done']} of {progress['total']}")
    if progress.get("loss") is not None:
        parts.append(f"loss {progress['loss']:.3f}")
    if progress.get("seconds_left") is not None:
        parts.append(f"about {progress['seconds_left']:.0f} s left")
    return ", ".join(parts)
