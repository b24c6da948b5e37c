"""The Flask app in this process, for what needs no server of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.settings import load_settings
from backend.web.app import create_app
from backend.web.services import services

MakeApp = Callable[..., Flask]
NO_QUEUE = "redis://127.0.0.1:9"


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """Make an app without a queue server: `make_app(basic_auth_user="anna")`."""
    made: list[Flask] = []

    def make(*, redis_url: str = NO_QUEUE, **settings: Any) -> Flask:
        own = load_settings(data_dir=tmp_path, label_studio_url="http://127.0.0.1:9", **settings)
        made.append(create_app(own, redis_url=redis_url))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            services().events.close()
            services().connection.close()


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """A caller of an app without authentication and without queue server."""
    return make_app().test_client()
