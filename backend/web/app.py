"""The Flask app, made from settings alone."""

from flask import Flask

from backend.event_log import EventLog
from backend.learning.learning_storage import open_learning
from backend.projects import ProjectStore
from backend.queueing.connection import connect
from backend.settings import Settings
from backend.web.admission import Admission
from backend.web.auth import install_auth, require_safe_address
from backend.web.cache_sizes import CacheSizes
from backend.web.contract import contract
from backend.web.error_pages import install_error_pages
from backend.web.learning import learning_pages
from backend.web.metrics import install_metrics, metrics_page
from backend.web.services import Services, install
from backend.web.shared_jobs import SharedJobs
from backend.web.status import status_pages
from zegclip_core.backbones.notation import model_version, parse_notation


def create_app(settings: Settings, *, redis_url: str) -> Flask:
    """Make the web process's app.

    Args:
        settings: everything the operator chose.
        redis_url: the queue server, configured or embedded.

    Raises `SettingsError` for an unsafe address and `UnknownModelError` for an unknown model.

    """
    require_safe_address(settings)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    connection = connect(redis_url)
    with app.app_context():
        install(
            Services(
                settings=settings,
                model_version=model_version(parse_notation(settings.model)),
                connection=connection,
                projects=ProjectStore(folder=settings.data_dir / "projects"),
                learning=open_learning(settings),
                events=EventLog(path=settings.data_dir / "events.sqlite3"),
                admission=Admission(limit=settings.max_waiting_requests),
                shared_jobs=SharedJobs(connection=connection),
                cache_sizes=CacheSizes(data_dir=settings.data_dir),
            )
        )
    install_metrics(app)
    install_auth(app, settings)
    install_error_pages(app)
    app.register_blueprint(contract)
    app.register_blueprint(status_pages)
    app.register_blueprint(metrics_page)
    app.register_blueprint(learning_pages)
    return app
