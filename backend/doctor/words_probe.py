"""What a model makes of label sets, asked of a child process: the command line itself stays without torch."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.settings import Settings
from zegclip_core.errors import ZegCLIPError
from zegclip_core.expected_mistakes import mistake_warnings
from zegclip_core.labels import Label

_SECONDS = 900


@dataclass(frozen=True, slots=True)
class UnderstoodSet:
    """What is doubtful about one label set.

    Attributes:
        warnings: about its words, by the words themselves and by text similarity.
        measured: which labels were painted as others on photographs with masks.
        model_version: the model that it was measured with; says nothing about other versions.

    """

    warnings: tuple[str, ...]
    measured: tuple[str, ...]
    model_version: str


def understand_label_sets(
    settings: Settings, label_sets: Sequence[Sequence[Label]]
) -> list[UnderstoodSet] | None:
    """Ask the model of the settings about label sets, each with a label; None when it cannot be asked."""
    program = [sys.executable, "-m", "backend.doctor.words_probe", settings.model]
    asked = json.dumps([[asdict(label) for label in labels] for labels in label_sets])
    try:
        done = subprocess.run(
            [*program, str(settings.data_dir / "models")],
            input=asked,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return None
    return [
        UnderstoodSet(tuple(one["warnings"]), tuple(one["measured"]), one["model_version"])
        for one in json.loads(done.stdout.splitlines()[-1])
    ]


def main(notation: str, cache_dir: str) -> int:
    """Read label sets from standard input, print what the model makes of them as one line of JSON."""
    from zegclip_core.segmenter import build_segmenter
    from zegclip_core.words import understand_words

    try:
        segmenter = build_segmenter(notation, cache_dir=Path(cache_dir), device="cpu")
        reports = []
        for labels in json.load(sys.stdin):
            given = [Label(one["name"], tuple(one["prompts"]), one["is_background"]) for one in labels]
            report = understand_words(segmenter.text_bank, given)
            understood = UnderstoodSet(
                report.warnings, tuple(mistake_warnings(report.mistakes)), segmenter.model_version
            )
            reports.append(asdict(understood))
    except ZegCLIPError as error:
        print(error, file=sys.stderr)  # noqa: T201 (for a person who runs it by hand)
        return 1
    print(json.dumps(reports))  # noqa: T201 (read by the parent)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
