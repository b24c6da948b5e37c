"""Which version's scores Label Studio's label stream follows."""

from collections.abc import Collection

from backend.label_studio.client import LabelStudioClient
from backend.label_studio.unannotated import unannotated_tasks

SAMPLING = "Uncertainty sampling"


def switch_sampling_on(client: LabelStudioClient, project: int, version: str) -> None:
    """Let the label stream follow the scores of a version's predictions; errors as of the client."""
    client.call("PATCH", f"/api/projects/{project}/", body={"sampling": SAMPLING, "model_version": version})


def follow_new_version(
    client: LabelStudioClient, project: int, *, version: str, ours: Collection[str]
) -> bool:
    """Where the label stream follows an older version of ours, let it follow the new one.

    Label Studio refuses a version without predictions. Where nothing was left to paint it has none: the
    stream is at its end then, and stays with the older one.

    Args:
        client: Label Studio.
        project: the project's number.
        version: the one in service.
        ours: all versions that the project has had; what somebody else's model painted is left alone.

    Returns whether the stream follows another version now. Errors as of the client.

    """
    followed = client.project(project).get("model_version")
    if followed == version or followed not in ours:
        return False
    if not any(version in one.task.model_versions for one in unannotated_tasks(client, project)):
        return False
    client.call("PATCH", f"/api/projects/{project}/", body={"model_version": version})
    return True
