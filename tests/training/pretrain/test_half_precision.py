"""When the tower stage computes in bfloat16."""

import pytest
import torch

from training.pretrain.half_precision import bfloat16_is_fast


@pytest.mark.parametrize(
    ("able", "fast"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"avx2": True}, False),
    ],
)
def test_a_processor_must_multiply_bfloat16_itself(
    able: dict[str, bool], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert bfloat16_is_fast(torch.device("cpu")) is fast


def test_accelerators_do() -> None:
    assert bfloat16_is_fast(torch.device("cuda"))
