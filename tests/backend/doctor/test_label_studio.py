"""The doctor before a real Label Studio: what is right, and each thing that is usually wrong."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from backend.demo.label_studio_server import LabelStudioServer
from backend.doctor.finding import Finding
from backend.doctor.label_studio import check_label_studio
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.errors import ApiError
from backend.product import Product
from backend.settings import Settings, load_settings
from tests.http_server import LocalServer, json_answer
from tests.label_studio import LEGACY_TOKEN, MakeProject, copy_label_studio, unused_port


def settings_for(server: LabelStudioServer, *, port: int, token: str | None = None) -> Settings:
    return load_settings(label_studio_url=server.url, label_studio_api_key=token, port=port)


def examine(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in check_label_studio(settings)}


@pytest.fixture
def old_backend() -> Iterator[LocalServer]:
    """A backend of another maker, which Label Studio takes."""
    with LocalServer() as server:
        server.routes = {
            "/health": json_answer({"status": "UP"}),
            "/setup": json_answer({"model_version": "other@1"}),
        }
        yield server


def test_all_is_well(label_studio: LabelStudioServer, product: Product, make_project: MakeProject) -> None:
    project = make_project(photos=[], backend=product.url)
    findings = examine(settings_for(label_studio, port=product.settings.port, token=label_studio.token()))
    assert findings["Label Studio"].words.startswith("1.23.")
    assert findings["token"].words == "personal, of demo@example.com"
    assert findings["clock"].state == "ok"
    (title,) = [
        name for name in findings if name.startswith(f"project {project} (") and "webhook" not in name
    ]
    assert findings[title] == Finding(title, "ok", f"connected to {product.url}")
    assert findings[f"{title}, webhook"].words == f"{product.url}/webhook"


def test_label_studio_away(product: Product) -> None:
    settings = load_settings(label_studio_url=f"http://127.0.0.1:{unused_port()}")
    (finding,) = check_label_studio(settings)
    assert (finding.check, finding.state) == ("Label Studio", "failed")
    assert "LABEL_STUDIO_URL" in finding.cure


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (None, "wants a token"),
        ("f" * 40, "refuses the legacy token"),
        ("e30.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.bm8", "refuses the personal access token"),
    ],
    ids=["none", "wrong legacy token", "wrong personal token"],
)
def test_a_token_that_is_not_taken(
    label_studio: LabelStudioServer, product: Product, token: str | None, words: str
) -> None:
    finding = examine(settings_for(label_studio, port=product.settings.port, token=token))["token"]
    assert finding.state == "failed"
    assert words in finding.words
    assert "LABEL_STUDIO_API_KEY" in finding.cure
    assert not token or token not in finding.words + finding.cure


def test_a_legacy_token_is_good_where_the_organisation_allows_it(
    label_studio: LabelStudioServer, product: Product
) -> None:
    settings = settings_for(label_studio, port=product.settings.port, token=LEGACY_TOKEN)
    assert examine(settings)["token"].words == "legacy, of demo@example.com"
    session = label_studio.session()
    address = f"{label_studio.url}/api/jwt/settings"
    try:
        switches = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": False}
        assert session.post(address, json=switches, timeout=60).ok
        refused = examine(settings)["token"]
    finally:
        session.post(address, json=switches | {"legacy_api_tokens_enabled": True}, timeout=60)
    assert refused.state == "failed"
    assert "Legacy tokens are off by default" in refused.words


def test_no_project_is_connected(label_studio: LabelStudioServer, make_project: MakeProject) -> None:
    make_project(photos=[])
    finding = examine(settings_for(label_studio, port=unused_port(), token=label_studio.token()))[
        "connection"
    ]
    assert finding.state == "warning"
    assert "Connect Model" in finding.cure
    assert "ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false" in finding.cure


def test_a_backend_that_does_not_answer_any_more(
    label_studio: LabelStudioServer, make_project: MakeProject
) -> None:
    with LocalServer() as gone:
        gone.routes = {"/health": json_answer({}), "/setup": json_answer({"model_version": "gone@1"})}
        project = make_project(photos=[], backend=gone.url)
    findings = examine(settings_for(label_studio, port=gone.port, token=label_studio.token()))
    (state,) = [
        f for name, f in findings.items() if name.startswith(f"project {project} (") and "hook" not in name
    ]
    assert state.state == "failed"
    assert gone.url in state.words
    assert "is the backend running" in state.cure


def test_a_missing_webhook_and_a_doubled_one(
    label_studio: LabelStudioServer,
    client: LabelStudioClient,
    make_project: MakeProject,
    old_backend: LocalServer,
) -> None:
    project = make_project(photos=[], backend=old_backend.url)
    settings = settings_for(label_studio, port=old_backend.port, token=label_studio.token())

    def webhook() -> Finding:
        (finding,) = [
            f
            for name, f in examine(settings).items()
            if name.startswith(f"project {project} (") and name.endswith("webhook")
        ]
        return finding

    assert webhook().state == "ok"
    again = {"url": f"{old_backend.url}/webhook?again", "project": project}
    client.call("POST", "/api/webhooks/", body=again)
    assert webhook().state == "warning"
    assert webhook().words == "2 point here: every event comes more than once"
    for hook in client.webhooks(project):
        client.call("DELETE", f"/api/webhooks/{hook['id']}/")
    assert webhook().state == "failed"
    assert "corrections do not reach this backend" in webhook().words
    assert "SSRF_PROTECTION_ENABLED=false" in webhook().cure


def test_clocks_that_differ(
    label_studio: LabelStudioServer, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = SimpleNamespace(time=lambda: time.time() + 3600)
    monkeypatch.setattr("backend.doctor.label_studio.time", fast)
    clock = examine(settings_for(label_studio, port=product.settings.port))["clock"]
    assert clock.state == "warning"
    assert 3500 < float(clock.words.split()[0]) < 3700
    assert "NTP" in clock.cure


@pytest.mark.slow
def test_a_guarded_label_studio_predicts_but_never_learns(
    label_studio: LabelStudioServer, old_backend: LocalServer, tmp_path: Path
) -> None:
    """Label Studio 1.23 with one of its two guards on: refused, yet half connected."""
    copy_label_studio(label_studio, tmp_path / "copy")
    guarded = LabelStudioServer(
        program=label_studio.program,
        folder=tmp_path / "copy",
        port=unused_port(),
        environment={"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "true"},
    )
    with guarded:
        client = LabelStudioClient(origin=guarded.origin())
        project = client.create_project(title="guarded", label_config="<View/>")
        with pytest.raises(ApiError, match="reserved network address"):
            client.connect_backend(project, url=old_backend.url, title="other")
        findings = examine(settings_for(guarded, port=old_backend.port, token=guarded.token()))
    name = f"project {project} (guarded)"
    assert findings[name].state == "ok"
    assert findings[f"{name}, webhook"].state == "failed"
    assert "SSRF_PROTECTION_ENABLED=false" in findings[f"{name}, webhook"].cure
