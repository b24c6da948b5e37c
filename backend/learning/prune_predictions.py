"""Old versions' predictions leave Label Studio, where each would be one more tab beside every task."""

from backend.label_studio.client import LabelStudioClient
from backend.learning.project_folder import ProjectFolder


def prune_predictions(
    client: LabelStudioClient, folder: ProjectFolder, *, served: str, base: str, keep: int
) -> list[str]:
    """Delete the predictions of this product's versions, all but the newest `keep` and the one in service.

    Predictions of other models are never touched. Returns the versions that were deleted; errors as of the
    client.
    """
    names = [base, *(folder.version_name(number) for number in folder.registry.given_numbers())]
    reply = client.call("GET", f"/api/projects/{folder.number}/model-versions/", query={"extended": "true"})
    there = {str(one["model_version"]) for one in reply["static"]}
    ours = [name for name in names if name in there]
    old = [name for name in ours[:-keep] if name != served]
    for name in old:
        client.delete_model_version(folder.number, name)
    return old
