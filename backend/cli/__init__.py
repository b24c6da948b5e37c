"""The command line: `zegclip COMMAND …`, the same as `python -m backend COMMAND …`.

Exit codes: 0 all went well, 1 something failed (the message tells what), 2 wrong use, 130 ended by Ctrl-C.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

from backend.errors import BackendError
from backend.logs import redact

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

# Name, module below backend.cli, one line of help. A module is imported only when its command is called.
COMMANDS = (
    ("start", "start", "run everything on this machine for an existing Label Studio"),
    ("web", "web", "run the web process alone"),
    ("worker", "worker", "run one worker: inference or training"),
    ("predict", "predict", "paint photos without any server"),
    ("words", "words", "show how the model understands a label set"),
    ("prelabel", "prelabel", "paint every task of a Label Studio project"),
    ("convert", "convert", "bring masks from PNG, COCO or YOLO to Label Studio, and back"),
    ("doctor", "doctor", "check the whole set-up and tell the cures"),
    ("data", "data", "convert official data sets to dataset.json"),
    ("import", "import_published", "make a published ZegCLIP checkpoint a model like any other"),
    ("train", "train", "train ZegCLIP on a data set"),
    ("eval", "eval", "measure a model on a data set"),
    ("engine", "engine", "check whether a faster engine keeps a model's masks"),
    ("scheduler", "scheduler", "queue trainings when they are due"),
    ("models", "models", "list, compare, promote and roll back a project's model versions"),
    ("jobs", "jobs", "show what learning is doing"),
    ("rank", "rank", "put the tasks that teach most first in Label Studio"),
    ("report", "report", "tell what learning has brought to a project"),
)

_EPILOG = """examples:
  zegclip predict photo.jpg --labels "cat|kitten, sofa, person" --out painted/
  zegclip start --label-studio-url http://localhost:8080
  zegclip prelabel --project 3
  zegclip doctor

Every command explains itself: zegclip COMMAND --help"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(given[0] if given else None)
    options = parser.parse_args(given)
    if options.command is None:
        parser.print_help()
        return EXIT_USAGE
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if not _explains_itself(error):
            raise
        print(f"zegclip {options.command}: {redact(str(error))}", file=sys.stderr)
        return EXIT_FAILED


def _parser(command: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zegclip",
        description="Paint masks for Label Studio with ZegCLIP: zero-shot, with the project's own words.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, module, summary in COMMANDS:
        if name == command:
            importlib.import_module(f"backend.cli.{module}").add_parser(commands, summary)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _explains_itself(error: Exception) -> bool:
    """Whether an error of the product's own trees says what to do; all others keep their traceback."""
    from training.errors import TrainingError
    from zegclip_core.errors import ZegCLIPError

    return isinstance(error, BackendError | TrainingError | ZegCLIPError)
