import pytest
import torch

from tests.training.tiny import tiny_backbone, tiny_configuration
from training.models import fresh_model
from training.teacher import MovingAverage
from zegclip_core.zegclip.model import ZegCLIP


@pytest.fixture
def student() -> ZegCLIP:
    return fresh_model(tiny_backbone(), tiny_configuration().model, seed=0)


def bias(model: ZegCLIP) -> torch.Tensor:
    return model.descriptor.projection.bias


def test_the_teacher_is_the_running_mean(student: ZegCLIP) -> None:
    """Decay at step n is at most (1 + n) / (10 + n): 0.1, then 2/11."""
    teacher = MovingAverage(student, decay=0.999)
    start = bias(student).detach().clone()
    with torch.no_grad():
        bias(student).add_(1.0)
    teacher.follow()
    assert torch.allclose(teacher.mean["descriptor.projection.bias"], start + 0.9)
    teacher.follow()
    assert torch.allclose(teacher.mean["descriptor.projection.bias"], start + 1 - 0.1 * 2 / 11)


def test_the_student_comes_back_after_the_teacher_has_been_asked(student: ZegCLIP) -> None:
    student.train()
    teacher = MovingAverage(student, decay=0.5)
    with torch.no_grad():
        bias(student).add_(1.0)
    changed = bias(student).detach().clone()
    with teacher.weights():
        assert torch.allclose(bias(student), changed - 1.0)
        assert not student.decoder.training
    assert torch.equal(bias(student), changed)
    assert student.decoder.training


def test_the_student_comes_back_after_an_error(student: ZegCLIP) -> None:
    teacher = MovingAverage(student, decay=0.5)
    with torch.no_grad():
        bias(student).add_(1.0)
    changed = bias(student).detach().clone()
    with pytest.raises(RuntimeError, match="broken"), teacher.weights():
        raise RuntimeError("broken")
    assert torch.equal(bias(student), changed)


def test_a_resumed_teacher_goes_on_where_it_was(student: ZegCLIP) -> None:
    first = MovingAverage(student, decay=0.999)
    with torch.no_grad():
        bias(student).add_(1.0)
    first.follow()
    second = MovingAverage(student, decay=0.999)
    second.restore(first.state())
    first.follow()
    second.follow()
    assert all(torch.equal(first.mean[name], second.mean[name]) for name in first.mean)
