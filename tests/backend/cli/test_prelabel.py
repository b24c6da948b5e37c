import json
from pathlib import Path

from backend.label_studio.client import LabelStudioClient
from backend.product import Product
from tests.backend.cli.running import zegclip
from tests.label_studio import MakeProject
from tests.photos import small_photos
from tests.processes import MakeInstallation


def test_the_report_tells_everything(
    client: LabelStudioClient, make_project: MakeProject, product: Product, tmp_path: Path
) -> None:
    project = make_project(labels="cat, cup", photos=small_photos())
    report = tmp_path / "reports" / "prelabel.json"
    settings = product.settings.as_environment() | {"REDIS_URL": product.redis_url}
    done = zegclip("prelabel", "--project", str(project), "--report", str(report), **settings)
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    assert (told["done"], told["skipped"], told["failures"]) == (2, 0, [])
    assert told["regions"] == sum(len(p["result"]) for p in client.predictions(project))
    assert f"2 tasks painted with {told['regions']} regions, 0 skipped, 0 failed" in done.stdout
    assert "2/2" in done.stderr, "a progress bar is shown"

    again = zegclip("prelabel", "--project", str(project), "--refresh", "--quiet", **settings)
    assert again.returncode == 0, again.stderr
    assert "deleted 2 predictions of zegclip-mini@4" in again.stderr
    assert "2/2" not in again.stderr
    assert len(client.predictions(project)) == 2


def test_without_a_queue_server_the_cure_is_told(tmp_path: Path) -> None:
    done = zegclip("prelabel", "--project", "1", ZEGCLIP_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "run `zegclip start`" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_without_workers_nothing_waits_for_ever(new_installation: MakeInstallation) -> None:
    installation = new_installation()
    done = zegclip("prelabel", "--project", "1", **installation.environment)
    assert done.returncode == 1
    assert "no inference worker is alive" in done.stderr


def test_an_unknown_project_is_told(product: Product) -> None:
    settings = product.settings.as_environment() | {"REDIS_URL": product.redis_url}
    done = zegclip("prelabel", "--project", "999999", **settings)
    assert done.returncode == 1
    assert "/api/projects/999999/" in done.stderr
    assert "Traceback" not in done.stderr
