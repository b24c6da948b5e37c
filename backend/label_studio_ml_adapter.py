"""This product inside upstream's server: a `LabelStudioMLBase` for `label-studio-ml` 2.x.

Upstream makes a new instance for every request and calls it in the web process. So whatever is heavy (the
model, the settings, the file of events) belongs to the process, is made by the first request that needs it,
and `/setup` and `/health` need none of it.
"""

import functools
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import BackendError, RequestError
from backend.event_log import EventLog
from backend.events import read_events
from backend.images.credentials import read_credentials
from backend.jobs.predict import run_predict
from backend.jobs.predictor import install_predictor
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import read_label_config
from backend.regions.registry import CONTROL_TAGS
from backend.settings import Settings, load_settings
from backend.worker.inference import load_predictor
from zegclip_core.backbones.notation import model_version, parse_notation

_log = logging.getLogger(__name__)

_SOURCE = "https://github.com/HumanSignal/label-studio-ml-backend"


class LabelStudioMlMissingError(BackendError, ImportError):
    """The package `label-studio-ml` 2.x is not installed, or is of the old series."""


try:
    from label_studio_ml.model import LabelStudioMLBase
    from label_studio_ml.response import ModelResponse
except ImportError as error:
    raise LabelStudioMlMissingError(
        f"the adapter needs label-studio-ml 2.x, which cannot be imported ({error}). The package index has "
        f"only the old 1.x: install it from its source, `pip install git+{_SOURCE}.git`; without it, "
        "`zegclip start` serves the same contract"
    ) from error


class ZegCLIPBackend(LabelStudioMLBase):  # type: ignore[misc]
    """ZegCLIP for `init_app(model_class=ZegCLIPBackend)`; settings come from the environment."""

    def setup(self) -> None:
        """Name the model version, which needs no weights."""
        version = _model_version()
        if self.get("model_version") != version:
            self.set("model_version", version)

    def use_label_config(self, label_config: str) -> None:
        """Keep a project's configuration; one that cannot be read fails its tasks and not the request."""
        try:
            read_label_config(label_config, control_tags=CONTROL_TAGS)
            super().use_label_config(label_config)
        except (LabelConfigError, ValueError, KeyError, AttributeError, TypeError) as error:
            _log.warning("project %s: %s", self.project_id, error)
            self.set("label_config", label_config)

    def set_extra_params(self, extra_params: Any) -> None:
        """Keep the project's settings; upstream's cache takes text alone, Label Studio sends any JSON."""
        self.set("extra_params", extra_params if _is_json(extra_params) else json.dumps(extra_params))

    def predict(
        self, tasks: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> ModelResponse:
        """Return exactly one prediction for each task, in order; a task that fails has no regions.

        Args:
            tasks: with `id` and `data`.
            context: of an interactive request; empty for an ordinary one.
            kwargs: `login` and `password` of the project's image hosts; anything else is ignored.

        """
        _load_model()
        credentials = read_credentials(kwargs)
        reply = run_predict(
            {
                "tasks": list(tasks),
                "label_config": self.label_config or "",
                "project": self.project_id,
                "context": context or None,
                "extra_params": self.extra_params,
                "credentials": None if credentials is None else credentials.as_json(),
            }
        )
        version = str(self.model_version)
        predictions = [
            {
                "model_version": item.get("model_version") or version,
                "score": item.get("score", 0.0),
                "result": item.get("result", []),
            }
            for item in reply["results"]
        ]
        return ModelResponse(model_version=version, predictions=predictions)

    def fit(self, event: str, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """Write an event down; the training worker beside this server reads the truth from Label Studio.

        Args:
            event: Label Studio's name for it, such as `ANNOTATION_CREATED` or `START_TRAINING`.
            data: the webhook's body; only ids and dates of it are kept.

        """
        try:
            events = read_events({**data, "action": event})
        except RequestError as error:
            _log.warning("event %s is not understood: %s", event, error)
            return {"recorded": 0, "known": 0, "error": str(error)}
        new = _event_log().record(events)
        return {"recorded": new, "known": len(events) - new}


_loading = threading.Lock()


@functools.cache
def _settings() -> Settings:
    return load_settings()


@functools.cache
def _model_version() -> str:
    return model_version(parse_notation(_settings().model))


def _load_model() -> None:
    """Load the model once in this process, whichever thread comes first; forks before that stay light."""
    with _loading:
        _load_model_once()


@functools.cache
def _load_model_once() -> None:
    install_predictor(load_predictor(_settings()))


def _event_log() -> EventLog:
    with _loading:
        return _event_log_once()


@functools.cache
def _event_log_once() -> EventLog:
    return EventLog(path=_settings().data_dir / "events.sqlite3")


def _is_json(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        json.loads(value)
    except ValueError:
        return False
    return True
