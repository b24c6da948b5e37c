import json
from pathlib import Path

from backend.demo.label_studio_server import LabelStudioServer
from backend.product import Product
from tests.backend.cli.running import zegclip

SECRET = "a-password-that-nobody-may-see"


def test_a_sound_set_up_passes(label_studio: LabelStudioServer, product: Product) -> None:
    settings = product.settings.as_environment() | {"REDIS_URL": product.redis_url}
    done = zegclip("doctor", "--json", **settings)
    told = json.loads(done.stdout)
    failed = [finding for finding in told["findings"] if finding["state"] == "failed"]
    # Other tests leave projects behind whose backend is gone or was never right.
    ours = [finding for finding in failed if not finding["check"].startswith(("project ", "labels "))]
    assert ours == []
    assert done.returncode == (1 if failed else 0)
    assert told["settings"]["label_studio_url"] == label_studio.url
    assert label_studio.token() not in done.stdout + done.stderr


def test_what_is_wrong_is_told_with_its_cure_and_no_secret(tmp_path: Path) -> None:
    done = zegclip(
        "doctor",
        "--model",
        "no-such-model",
        "--label-studio-url",
        "http://127.0.0.1:9",
        ZEGCLIP_DATA_DIR=str(tmp_path),
        LABEL_STUDIO_API_KEY=SECRET,
        BASIC_AUTH_USER="somebody",
        BASIC_AUTH_PASS=SECRET,
        REDIS_URL=f"redis://:{SECRET}@127.0.0.1:9",
    )
    assert done.returncode == 1
    for check in ("queue server", "model", "Label Studio"):
        assert f"  ✗ {check}: " in done.stdout
    assert "  ✓ data folder: " in done.stdout
    assert f"ZEGCLIP_DATA_DIR                   {tmp_path}" in done.stdout
    assert "set (hidden)" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
