import argparse
import sys
from importlib.metadata import entry_points
from types import ModuleType

import pytest

from backend.cli import COMMANDS, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, main
from backend.errors import BackendError
from tests.backend.cli.running import zegclip
from training.errors import TrainingError
from zegclip_core.errors import ZegCLIPError


@pytest.fixture
def failing_command(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """`zegclip doctor` that raises the parameter."""
    module = ModuleType("backend.cli.doctor")

    def run(_: argparse.Namespace) -> int:
        raise request.param

    def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
        commands.add_parser("doctor", help=summary).set_defaults(run=run)

    monkeypatch.setattr(module, "add_parser", add_parser, raising=False)
    monkeypatch.setitem(sys.modules, "backend.cli.doctor", module)


@pytest.mark.parametrize("command", [name for name, _, _ in COMMANDS])
def test_every_command_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: zegclip {command}")
    assert "examples:" in told
    assert f"zegclip {command}" in told.partition("examples:")[2]


def test_without_a_command_all_of_them_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == EXIT_USAGE
    told = capsys.readouterr().out
    for name, _, summary in COMMANDS:
        assert name in told
        assert summary in " ".join(told.split())


def test_an_unknown_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["paint"])
    assert ended.value.code == EXIT_USAGE
    assert "'paint'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "failing_command",
    [
        BackendError("no room: make some"),
        TrainingError("no data: give some"),
        ZegCLIPError("no model: load one"),
    ],
    indirect=True,
    ids=["backend", "training", "zegclip_core"],
)
@pytest.mark.usefixtures("failing_command")
def test_an_error_that_explains_itself_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == EXIT_FAILED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("zegclip doctor: no ")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("failing_command", [BackendError("token=s3cr3t-value")], indirect=True)
@pytest.mark.usefixtures("failing_command")
def test_secrets_in_errors_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == EXIT_FAILED
    assert "s3cr3t-value" not in capsys.readouterr().err


@pytest.mark.parametrize("failing_command", [KeyboardInterrupt()], indirect=True)
@pytest.mark.usefixtures("failing_command")
def test_ctrl_c_has_its_own_exit_code() -> None:
    assert main(["doctor"]) == EXIT_INTERRUPTED


@pytest.mark.parametrize("failing_command", [ZeroDivisionError("a mistake of ours")], indirect=True)
@pytest.mark.usefixtures("failing_command")
def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])


def test_the_console_script_is_the_same_as_the_module() -> None:
    (script,) = entry_points(group="console_scripts", name="zegclip")
    assert script.load() is main
    assert zegclip("--help").stdout.startswith("usage: zegclip ")


def test_a_wrong_setting_is_told_with_its_variable() -> None:
    done = zegclip("web", ZEGCLIP_PORT="many")
    assert done.returncode == EXIT_FAILED
    assert "port (ZEGCLIP_PORT)" in done.stderr
    assert "Traceback" not in done.stderr
