"""docs/operations.md says what the code does: every setting with its variable and default."""

from typing import Any

import pytest

from backend.settings import Settings, environment_name
from tests.conftest import CHECKOUT

DOCUMENT = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")


def row(field: str) -> str:
    """The line of the settings table; a failing test prints what the document should say."""
    information = Settings.model_fields[field]
    factory: Any = information.default_factory
    default = "the user's data folder" if factory else _shown(information.default)
    return f"| `{environment_name(field)}` | {default} | {information.description} |"


def _shown(default: object) -> str:
    if default is None:
        return "not set"
    if default == ():
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


@pytest.mark.parametrize("field", Settings.model_fields)
def test_the_table_has_every_setting_with_its_default_and_meaning(field: str) -> None:
    assert row(field) in DOCUMENT.splitlines(), f"docs/operations.md, settings table, needs: {row(field)}"


def test_the_table_has_no_setting_that_is_gone() -> None:
    known = {environment_name(field) for field in Settings.model_fields}
    listed = {
        line.split("`")[1] for line in DOCUMENT.splitlines() if line.startswith(("| `ZEGCLIP_", "| `LABEL_"))
    }
    assert listed <= known
