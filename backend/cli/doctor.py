"""`zegclip doctor`: check the whole set-up and tell the cures."""

import argparse
import json
from dataclasses import asdict

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.doctor.finding import Finding
from backend.doctor.label_configs import check_label_configs
from backend.doctor.label_studio import check_label_studio
from backend.doctor.machine import check_folder, check_model, check_queue
from backend.logs import redact
from backend.settings import Settings, environment_name

_EXAMPLES = """examples:
  LABEL_STUDIO_API_KEY=… zegclip doctor
  zegclip doctor --json | jq '.findings[] | select(.state != "ok")'

Exit code 0: nothing failed (warnings are allowed); 1: something does not work."""

_CHECKS = (check_folder, check_queue, check_model, check_label_studio, check_label_configs)
_SIGNS = {"ok": "✓", "warning": "!", "failed": "✗"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "doctor",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print settings and findings as JSON")
    add_settings_flags(parser, "host", "port", "data_dir", "model", "engine", "redis_url", "label_studio_url")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run every check and print what it found."""
    settings = settings_from(arguments)
    if not arguments.json:
        _print_settings(settings)
    findings = []
    for check in _CHECKS:
        for finding in check(settings):
            findings.append(finding)
            if not arguments.json:
                _print_finding(finding)
    if arguments.json:
        described = {name: redact(value) for name, value in settings.describe().items()}
        print(json.dumps({"settings": described, "findings": [asdict(f) for f in findings]}, indent=2))
    return int(any(finding.state == "failed" for finding in findings))


def _print_settings(settings: Settings) -> None:
    print("settings")
    for name, value in settings.describe().items():
        print(f"  {environment_name(name):34} {redact(value)}")
    print("checks")


def _print_finding(finding: Finding) -> None:
    print(f"  {_SIGNS[finding.state]} {finding.check}: {redact(finding.words)}", flush=True)
    if finding.cure:
        print(f"      {finding.cure}", flush=True)
