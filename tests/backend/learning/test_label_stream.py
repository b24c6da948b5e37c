"""The label stream follows the scores of the version in service, in a real Label Studio."""

from backend.label_studio.client import LabelStudioClient
from backend.learning.label_stream import follow_new_version, switch_sampling_on
from tests.backend.learning.toy import toy_pictures
from tests.label_studio import MakeProject

OURS = ("zegclip-mini@4", "project-9-v1")


def project_of(make_project: MakeProject) -> int:
    return make_project(labels="zorb, quilm", photos=[picture.photo for picture in toy_pictures(2)])


def paint(client: LabelStudioClient, project: int, version: str) -> None:
    """Store an empty prediction of a version for every task."""
    tasks = [one.id for page in client.iter_tasks(project) for one in page]
    client.import_predictions(
        project, [{"task": one, "result": [], "score": 0.5, "model_version": version} for one in tasks]
    )


def followed(client: LabelStudioClient, project: int) -> str:
    return str(client.project(project)["model_version"])


def test_the_stream_goes_over_to_the_version_that_painted_the_tasks_again(
    client: LabelStudioClient, make_project: MakeProject
) -> None:
    project = project_of(make_project)
    paint(client, project, OURS[0])
    switch_sampling_on(client, project, OURS[0])
    paint(client, project, OURS[1])
    assert follow_new_version(client, project, version=OURS[1], ours=OURS)
    assert followed(client, project) == OURS[1]


def test_where_no_task_was_left_to_paint_the_stream_stays_and_nothing_fails(
    client: LabelStudioClient, make_project: MakeProject
) -> None:
    project = project_of(make_project)
    paint(client, project, OURS[0])
    switch_sampling_on(client, project, OURS[0])
    for page in client.iter_tasks(project):
        for task in page:
            client.call("POST", f"/api/tasks/{task.id}/annotations/", body={"result": []})
    assert not follow_new_version(client, project, version=OURS[1], ours=OURS)
    assert followed(client, project) == OURS[0]


def test_what_somebody_else_painted_is_followed_further(
    client: LabelStudioClient, make_project: MakeProject
) -> None:
    project = project_of(make_project)
    paint(client, project, "another model")
    switch_sampling_on(client, project, "another model")
    paint(client, project, OURS[1])
    assert not follow_new_version(client, project, version=OURS[1], ours=OURS)
    assert followed(client, project) == "another model"
