"""The shape of the code base: arrows between packages, sizes of files, forbidden calls."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

PACKAGES = ("zegclip_core", "training", "backend")
MAY_IMPORT = {
    "zegclip_core": {"zegclip_core"},
    "training": {"training", "zegclip_core"},
    "backend": {"backend", "training", "zegclip_core"},
}
LONGEST_FILE = 300


def python_files(package: str) -> list[Path]:
    return sorted((CHECKOUT / package).rglob("*.py"))


ALL_FILES = [path for package in PACKAGES for path in python_files(package)]


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: write imports from the package's root"
            yield node.module


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_between_packages_go_one_way(package: str) -> None:
    wrong = {
        f"{path.relative_to(CHECKOUT)} imports {module}"
        for path in python_files(package)
        for module in imported_modules(path)
        if module.split(".")[0] in set(PACKAGES) - MAY_IMPORT[package]
    }
    assert not wrong


def test_no_import_circles_inside_the_packages() -> None:
    modules = {".".join(path.relative_to(CHECKOUT).with_suffix("").parts): path for path in ALL_FILES}
    names = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    arrows = {name: top_level_imports(path) & set(names) for name, path in names.items()}
    assert find_circle(arrows) is None


def top_level_imports(path: Path) -> set[str]:
    """The modules that a file imports while it is being imported itself (not inside functions)."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def find_circle(arrows: dict[str, set[str]]) -> list[str] | None:
    finished: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str] | None:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in finished:
            return None
        for target in sorted(arrows[name] - {name}):
            circle = visit(target, [*trail, name])
            if circle:
                return circle
        finished.add(name)
        return None

    for start in sorted(arrows):
        circle = visit(start, [])
        if circle:
            return circle
    return None


@pytest.mark.parametrize("path", ALL_FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def test_nothing_unpickles_objects_from_a_file() -> None:
    wrong = []
    for path in ALL_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                safe = any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in node.keywords)
                if not safe:
                    wrong.append(f"{path.relative_to(CHECKOUT)}:{node.lineno}")
        if "pickle" in set(imported_modules(path)):
            wrong.append(f"{path.relative_to(CHECKOUT)} imports pickle")
    assert not wrong
