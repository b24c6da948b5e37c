"""What learning has brought to a project: /projects/<number>/learning as JSON and as a page."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from backend.errors import QueueUnavailableError, RequestError
from backend.learning.find_project import UnknownProjectError, find_project
from backend.learning.project_folder import ProjectFolder
from backend.queueing.learning_jobs import learning_jobs
from backend.web.services import services

learning_pages = Blueprint("learning", __name__)


@learning_pages.get("/projects/<int:number>/learning")
def learning(number: int) -> ResponseReturnValue:
    """Tell correction rates, figures by label, versions, the last training and what runs now."""
    folder = _folder(number)
    # Pictures need OpenCV, which the other pages do without.
    from backend.learning.report import project_report

    return {**project_report(folder).to_document(), "jobs": _jobs(folder)}


@learning_pages.get("/projects/<int:number>/learning.html")
def learning_page(number: int) -> ResponseReturnValue:
    """Show the same with pictures before and after."""
    folder = _folder(number)
    from backend.learning.report_page import report_html

    return report_html(folder)


def _folder(number: int) -> ProjectFolder:
    try:
        return find_project(services().settings, number)
    except UnknownProjectError as error:
        raise RequestError(str(error), status=404, code="unknown_project") from None


def _jobs(folder: ProjectFolder) -> list[dict[str, object]]:
    """Running and waiting jobs of the project with their progress; none while the queue is away."""
    try:
        found = learning_jobs(services().connection)
    except QueueUnavailableError:
        return []
    return [
        {
            "id": job.id,
            "state": str(getattr(job.get_status(refresh=False), "value", "unknown")),
            "kind": job.meta.get("kind"),
            "why": job.meta.get("why"),
            "progress": job.meta.get("progress"),
        }
        for job in found
        if job.meta.get("key") == folder.key
    ]
