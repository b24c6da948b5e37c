"""Where a model runs and how precisely."""

from contextlib import nullcontext

import pytest
import torch

from zegclip_core.devices import choose_device, inference_precision
from zegclip_core.errors import DeviceError


@pytest.mark.parametrize(("there", "kind"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_the_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, there: bool, kind: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device("auto") == torch.device(kind)


def test_a_named_device_is_taken() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("wish", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError, match=f"{wish}.*auto or cpu"):
        choose_device(wish)


def test_a_word_that_is_no_device_is_refused() -> None:
    with pytest.raises(DeviceError, match="'gpu'"):
        choose_device("gpu")


def test_a_processor_computes_in_float32() -> None:
    assert isinstance(inference_precision(torch.device("cpu")), nullcontext)
