"""`zegclip_core` offers its names without importing torch before they are used."""

import subprocess
import sys

import pytest

import zegclip_core


@pytest.mark.parametrize("name", zegclip_core.__all__)
def test_public_names_can_be_imported(name: str) -> None:
    assert callable(getattr(zegclip_core, name))
    assert name in dir(zegclip_core)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="'SegFormer'"):
        _ = zegclip_core.SegFormer  # type: ignore[attr-defined]


def test_reading_a_notation_needs_no_torch() -> None:
    code = (
        "import sys, zegclip_core, zegclip_core.backbones.notation as notation\n"
        "notation.parse_notation('zegclip-mini')\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
