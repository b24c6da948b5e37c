"""What the documents promise is there: commands, their flags, files, headings."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.cli import COMMANDS, main
from tests.conftest import CHECKOUT

README = CHECKOUT / "README.md"
DOCUMENTS = [README, *(CHECKOUT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))]
DOCUMENTS += sorted((CHECKOUT / "docs").glob("*.md"))
LARGEST_PICTURE = 600_000

_FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:zegclip|make|\.venv/bin/zegclip) [^`]+)`")
_COMMAND = re.compile(r"(?:[A-Z_]+=\S* )*(?:\S*/)?(?:zegclip|make) ")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def shell_lines(document: Path) -> Iterator[str]:
    """Command lines of a document: those of its shell blocks and those inside its text."""
    text = document.read_text(encoding="utf-8")
    for block in _FENCE.findall(text):
        lines = (line.strip() for line in block.replace("\\\n", " ").splitlines())
        yield from (line for line in lines if _COMMAND.match(line))
    yield from _INLINE.findall(text)


def words_of(line: str) -> list[str]:
    """A command line's words, without its comment and without variables set before it."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    return words


def commands(program: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every use of a program in any document, as the document's name and the words behind the program."""
    found = set()
    for document in DOCUMENTS:
        for line in shell_lines(document):
            words = words_of(line)
            if words and words[0].rpartition("/")[2] == program:
                found.add((document.name, tuple(words[1:])))
    return sorted(found)


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return capsys.readouterr().out


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_begins_with_its_two_commands() -> None:
    uses = [words for name, words in commands("make") if name == "README.md"]
    assert {"demo", "test"} <= {words[0] for words in uses}


def shown(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize(("document", "words"), commands("make"), ids=shown)
def test_make_commands_exist(document: str, words: tuple[str, ...]) -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            assert f"$({name})" in makefile, f"{document}: the Makefile reads no {name}"
        else:
            assert name in make_targets(), f"{document}: the Makefile has no target {name}"


@pytest.mark.parametrize(("document", "words"), commands("zegclip"), ids=shown)
def test_zegclip_commands_and_their_flags_exist(
    document: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    command = words[0]
    if command in ("COMMAND", "--help"):
        return
    assert command in {name for name, _, _ in COMMANDS}, f"{document}: there is no zegclip {command}"
    told = help_of(command, capsys)
    for flag in (word for word in words if word.startswith("--")):
        assert flag.partition("=")[0] in told, f"{document}: zegclip {command} has no {flag}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(document.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://")):
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        assert target.exists(), f"{document.name} links to {link}"
        assert target.is_relative_to(CHECKOUT)
        if anchor:
            assert anchor in anchors(target), f"{document.name} links to {link}"


def test_pictures_are_small() -> None:
    pictures = list((CHECKOUT / "docs" / "images").iterdir())
    assert pictures
    assert {
        path.name: path.stat().st_size for path in pictures if path.stat().st_size > LARGEST_PICTURE
    } == {}


def test_the_readme_names_both_guards_of_label_studio() -> None:
    assert "ML_BLOCK_LOCAL_IP=false SSRF_PROTECTION_ENABLED=false" in README.read_text()
