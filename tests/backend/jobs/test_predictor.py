import pytest

from backend.jobs import predictor as module
from backend.jobs.predictor import NoPredictorError, installed_predictor


def test_a_process_without_a_model_says_which_worker_prediction_jobs_belong_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_installed", [])
    with pytest.raises(NoPredictorError, match="zegclip worker inference"):
        installed_predictor()
