"""open_clip can be imported beside any torch, and nothing is touched where torchvision works by itself."""

import ast
import os
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT
from tests.test_architecture import ALL_FILES, imported_modules


def run(program: str) -> str:
    child = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert child.returncode == 0, child.stderr
    return child.stdout.strip()


def test_open_clip_is_imported_in_a_fresh_process() -> None:
    program = "from zegclip_core.guarded_open_clip import open_clip; print(open_clip.__version__)"
    assert run(program)


def test_operators_are_declared_exactly_where_the_extension_does_not_load() -> None:
    program = """
import importlib.util, pathlib, torch
from zegclip_core import torchvision_guard as guard
folder = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
try:
    torch.ops.load_library(folder / "_C.so")
    missing = False
except OSError:
    missing = True
assert guard.declare_missing_operators() is missing
assert guard.declare_missing_operators() is missing
import torchvision
print(hasattr(torch.ops.torchvision, "nms"))
"""
    assert run(program) == "True"


def test_an_environment_without_torchvision_is_left_alone() -> None:
    program = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torchvision" else find(name, *rest)
from zegclip_core.torchvision_guard import declare_missing_operators
print(declare_missing_operators())
"""
    assert run(program) == "False"


@pytest.mark.parametrize("module", ["torchvision", "open_clip", "torchmetrics"])
def test_only_the_guarded_module_imports_what_needs_the_guard(module: str) -> None:
    importers = {
        str(path.relative_to(CHECKOUT))
        for path in ALL_FILES
        if module in {name.split(".")[0] for name in imported_modules(path)}
    }
    assert importers <= {"zegclip_core/guarded_open_clip.py"}


def test_the_guarded_module_declares_before_it_imports() -> None:
    source = (CHECKOUT / "zegclip_core" / "guarded_open_clip.py").read_text()
    lines = {ast.unparse(node): node.lineno for node in ast.parse(source).body}
    assert lines["declare_missing_operators()"] < lines["import open_clip"]
