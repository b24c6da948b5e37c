import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.images.credentials import BasicCredentials
from backend.images.errors import (
    ImageAddressError,
    ImageContentError,
    ImageMissingError,
    ImageRefusedError,
    ImageUnreachableError,
)
from backend.images.source import ImageSource
from backend.label_studio.origin import LabelStudioOrigin
from tests.backend.label_studio.tokens import make_token, token_route
from tests.http_server import Answer, Asked, LocalServer, redirect

LEGACY = "0123456789abcdef0123456789abcdef01234567"
ANN = BasicCredentials("ann", "secret")
MakeSource = Callable[..., ImageSource]


@pytest.fixture
def make_source(server: LocalServer, tmp_path: Path) -> MakeSource:
    """An image source whose Label Studio is `server`; nothing else on this machine may be asked."""

    def make(api_key: str | None = LEGACY, **options: Any) -> ImageSource:
        return ImageSource(
            label_studio=LabelStudioOrigin(url=server.url, api_key=api_key),
            cache_dir=tmp_path / "cache",
            **{"cache_bytes": 1_000_000, "max_bytes": 100_000, "max_pixels": 1000, **options},
        )

    return make


def wants(authorization: str, body: bytes) -> Callable[[Asked], Answer]:
    """A route that answers one Authorization header only."""
    return lambda asked: Answer(body) if asked.authorization == authorization else Answer(status=401)


def test_an_upload_is_fetched_with_the_legacy_token(
    server: LocalServer, make_source: MakeSource, png: bytes
) -> None:
    server.routes["/data/upload/2/a.png"] = wants(f"Token {LEGACY}", png)
    pixels = make_source().load("/data/upload/2/a.png")
    assert pixels.shape == (3, 4, 3)
    assert np.array_equal(pixels.ravel(), np.arange(36, dtype=np.uint8) * 7)


def test_an_upload_is_fetched_with_a_personal_token_that_is_exchanged_first(
    server: LocalServer, make_source: MakeSource, png: bytes
) -> None:
    personal = make_token("refresh")
    server.routes["/api/token/refresh"] = token_route(server, personal, ["first"])
    server.routes["/data/upload/2/a.png"] = wants("Bearer first", png)
    assert make_source(personal).fetch("/data/upload/2/a.png") == png


def test_an_access_token_that_was_revoked_is_renewed_once(
    server: LocalServer, make_source: MakeSource, png: bytes
) -> None:
    personal = make_token("refresh")
    server.routes["/api/token/refresh"] = token_route(server, personal, ["first", "second"])
    server.routes["/data/upload/2/a.png"] = wants("Bearer second", png)
    assert make_source(personal).fetch("/data/upload/2/a.png") == png
    assert [asked.authorization for asked in server.asked if "upload" in asked.target] == [
        "Bearer first",
        "Bearer second",
    ]


def test_a_refused_token_names_the_cure_and_not_the_token(
    server: LocalServer, make_source: MakeSource
) -> None:
    server.routes["/data/upload/2/a.png"] = Answer(status=401)
    with pytest.raises(ImageRefusedError, match="personal access token") as caught:
        make_source().fetch("/data/upload/2/a.png")
    assert LEGACY not in str(caught.value)


def test_a_personal_token_that_cannot_be_exchanged_is_a_refusal(
    server: LocalServer, make_source: MakeSource
) -> None:
    server.routes["/api/token/refresh"] = Answer(status=401)
    with pytest.raises(ImageRefusedError, match="refuses the personal access token"):
        make_source(make_token("refresh")).fetch("/data/upload/2/a.png")


def test_a_label_studio_in_trouble_is_a_passing_failure(server: LocalServer, make_source: MakeSource) -> None:
    server.routes["/api/token/refresh"] = Answer(status=503)
    with pytest.raises(ImageUnreachableError):
        make_source(make_token("refresh")).fetch("/data/upload/2/a.png")


def test_other_hosts_are_fetched_without_the_token(
    server: LocalServer, other_server: LocalServer, make_source: MakeSource, png: bytes
) -> None:
    other_server.routes["/a.png"] = Answer(png)
    source = make_source(allowed_private_hosts=["127.0.0.1"])
    assert source.fetch(f"{other_server.url}/a.png") == png
    assert other_server.asked[0].authorization is None


def test_other_hosts_on_private_addresses_are_refused_unless_allowed(
    other_server: LocalServer, make_source: MakeSource
) -> None:
    with pytest.raises(ImageAddressError, match="private"):
        make_source().fetch(f"{other_server.url}/a.png")
    assert other_server.asked == []


def test_a_web_address_on_label_studio_gets_the_token(
    server: LocalServer, make_source: MakeSource, png: bytes
) -> None:
    server.routes["/data/upload/2/a.png"] = wants(f"Token {LEGACY}", png)
    assert make_source().fetch(f"{server.url}/data/upload/2/a.png") == png


def test_the_token_does_not_follow_a_redirect_out_of_label_studio(
    server: LocalServer, other_server: LocalServer, make_source: MakeSource, png: bytes
) -> None:
    server.routes["/data/upload/2/a.png"] = redirect(f"{other_server.url}/a.png")
    other_server.routes["/a.png"] = Answer(png)
    assert make_source(allowed_private_hosts=["127.0.0.1"]).fetch("/data/upload/2/a.png") == png
    assert other_server.asked[0].authorization is None


@pytest.mark.parametrize("uri", ["s3://bucket/a.png", "gs://bucket/a.png", "azure-blob://container/a.png"])
def test_cloud_files_come_through_label_studios_signature(
    server: LocalServer, other_server: LocalServer, make_source: MakeSource, png: bytes, uri: str
) -> None:
    server.routes["/tasks/7/presign/"] = redirect(f"{other_server.url}/bucket/a.png?X-Amz-Signature=1", 303)
    other_server.routes["/bucket/a.png"] = Answer(png)

    fetched = make_source(allowed_private_hosts=["127.0.0.1"]).fetch(uri, task_id=7)

    assert fetched == png
    encoded = base64.urlsafe_b64encode(uri.encode()).decode()
    assert server.asked[0].target == f"/tasks/7/presign/?fileuri={encoded}"
    assert server.asked[0].authorization == f"Token {LEGACY}"
    assert other_server.asked[0].authorization is None


def test_a_cloud_file_needs_its_tasks_number(make_source: MakeSource) -> None:
    with pytest.raises(ImageAddressError, match="task's id"):
        make_source().fetch("s3://bucket/a.png")


class TestBasicAuthentication:
    def test_the_password_is_given_to_a_host_that_asks(
        self, other_server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        other_server.routes["/a.png"] = wants(ANN.headers()["Authorization"], png)
        source = make_source(allowed_private_hosts=["127.0.0.1"]).with_credentials(ANN)
        assert source.fetch(f"{other_server.url}/a.png") == png
        assert other_server.asked[0].authorization is None

    def test_and_to_no_host_that_does_not(
        self, other_server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        other_server.routes["/a.png"] = Answer(png)
        other_server.routes["/b.png"] = Answer(status=403)
        source = make_source(allowed_private_hosts=["127.0.0.1"]).with_credentials(ANN)
        source.fetch(f"{other_server.url}/a.png")
        with pytest.raises(ImageRefusedError):
            source.fetch(f"{other_server.url}/b.png")
        assert {asked.authorization for asked in other_server.asked} == {None}

    def test_nor_to_label_studio(self, server: LocalServer, make_source: MakeSource) -> None:
        server.routes["/data/upload/2/a.png"] = Answer(status=401)
        with pytest.raises(ImageRefusedError):
            make_source().with_credentials(ANN).fetch("/data/upload/2/a.png")
        assert {asked.authorization for asked in server.asked} == {f"Token {LEGACY}"}

    def test_a_wrong_password_is_a_refusal_that_does_not_show_it(
        self, other_server: LocalServer, make_source: MakeSource
    ) -> None:
        other_server.routes["/a.png"] = Answer(status=401)
        source = make_source(allowed_private_hosts=["127.0.0.1"]).with_credentials(ANN)
        with pytest.raises(ImageRefusedError) as caught:
            source.fetch(f"{other_server.url}/a.png")
        assert ANN.password not in str(caught.value)
        assert len(other_server.asked) == 2

    def test_a_corrected_password_is_tried_at_once(
        self, other_server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        other_server.routes["/a.png"] = wants(ANN.headers()["Authorization"], png)
        source = make_source(allowed_private_hosts=["127.0.0.1"])
        with pytest.raises(ImageRefusedError):
            source.with_credentials(BasicCredentials("ann", "wrong")).fetch(f"{other_server.url}/a.png")
        assert source.with_credentials(ANN).fetch(f"{other_server.url}/a.png") == png

    def test_the_source_itself_stays_without(
        self, other_server: LocalServer, make_source: MakeSource
    ) -> None:
        other_server.routes["/a.png"] = Answer(status=401)
        source = make_source(allowed_private_hosts=["127.0.0.1"])
        source.with_credentials(ANN)
        with pytest.raises(ImageRefusedError):
            source.fetch(f"{other_server.url}/a.png")
        assert len(other_server.asked) == 1


class TestLocalFiles:
    @pytest.fixture
    def root(self, tmp_path: Path, png: bytes) -> Path:
        """A folder with a picture, and things around it that nobody may have."""
        root = tmp_path / "root"
        (root / "photos").mkdir(parents=True)
        (root / "photos" / "a b.png").write_bytes(png)
        (tmp_path / "secret.png").write_bytes(b"secret")
        (tmp_path / "rootless").mkdir()
        (tmp_path / "rootless" / "secret.png").write_bytes(b"secret")
        return root

    def test_a_file_below_the_root_is_read_without_any_request(
        self, server: LocalServer, make_source: MakeSource, root: Path, png: bytes
    ) -> None:
        source = make_source(local_files_root=root)
        assert source.fetch("/data/local-files/?d=photos/a%20b.png") == png
        assert source.fetch("/data/local-files/?d=/photos/a%20b.png") == png
        assert server.asked == []

    @pytest.mark.parametrize(
        "wanted",
        [
            "../secret.png",
            "photos/../../secret.png",
            "..%2Fsecret.png",
            "../rootless/secret.png",
            "photos/%00.png",
        ],
    )
    def test_a_path_that_leads_out_is_refused(self, make_source: MakeSource, root: Path, wanted: str) -> None:
        with pytest.raises(ImageAddressError):
            make_source(local_files_root=root).fetch(f"/data/local-files/?d={wanted}")

    def test_an_absolute_path_is_taken_below_the_root(self, make_source: MakeSource, root: Path) -> None:
        with pytest.raises(ImageMissingError):
            make_source(local_files_root=root).fetch(f"/data/local-files/?d={root.parent}/secret.png")

    def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_followed(
        self, make_source: MakeSource, root: Path, png: bytes
    ) -> None:
        (root / "out.png").symlink_to(root.parent / "secret.png")
        (root / "folder").symlink_to(root.parent)
        (root / "in.png").symlink_to(root / "photos" / "a b.png")
        source = make_source(local_files_root=root)
        assert source.fetch("/data/local-files/?d=in.png") == png
        for wanted in ("out.png", "folder/secret.png"):
            with pytest.raises(ImageAddressError, match="leads out"):
                source.fetch(f"/data/local-files/?d={wanted}")

    def test_what_is_no_file_is_missing(self, make_source: MakeSource, root: Path) -> None:
        os.mkfifo(root / "pipe.png")
        for wanted in ("pipe.png", "photos", "gone.png", "x" * 300):
            with pytest.raises(ImageMissingError):
                make_source(local_files_root=root).fetch(f"/data/local-files/?d={wanted}")

    def test_the_byte_cap_holds(self, make_source: MakeSource, root: Path, png: bytes) -> None:
        with pytest.raises(ImageContentError, match="larger"):
            make_source(local_files_root=root, max_bytes=len(png) - 1).fetch(
                "/data/local-files/?d=photos/a%20b.png"
            )

    def test_without_a_root_label_studio_is_asked(
        self, server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        server.routes["/data/local-files/"] = wants(f"Token {LEGACY}", png)
        assert make_source().fetch("/data/local-files/?d=photos/a.png") == png
        assert server.asked[0].target == "/data/local-files/?d=photos/a.png"


class TestCache:
    def test_a_file_is_fetched_once_for_all_processes(
        self, server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        server.routes["/data/upload/2/a.png"] = Answer(png)
        for _ in range(2):
            assert make_source().fetch("/data/upload/2/a.png", project="2") == png
        assert len(server.asked) == 1

    def test_projects_do_not_share_files(
        self, server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        server.routes["/data/upload/2/a.png"] = Answer(png)
        for project in ("2", "3"):
            make_source().fetch("/data/upload/2/a.png", project=project)
        assert len(server.asked) == 2

    def test_a_new_signature_finds_the_same_file(
        self, other_server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        other_server.routes["/a.png"] = Answer(png)
        source = make_source(allowed_private_hosts=["127.0.0.1"])
        for signature in ("one", "two"):
            source.fetch(f"{other_server.url}/a.png?X-Amz-Signature={signature}")
        assert len(other_server.asked) == 1

    def test_what_was_fetched_is_at_hand_for_its_project(
        self, server: LocalServer, make_source: MakeSource, png: bytes
    ) -> None:
        source = make_source()
        server.routes["/data/upload/2/a.png"] = Answer(png)
        assert not source.is_at_hand("/data/upload/2/a.png", project="2")
        source.fetch("/data/upload/2/a.png", project="2")
        assert source.is_at_hand("/data/upload/2/a.png", project="2")
        assert not source.is_at_hand("/data/upload/2/a.png", project="3")

    def test_a_missing_image_is_not_asked_for_again_at_once(
        self, server: LocalServer, make_source: MakeSource
    ) -> None:
        source = make_source()
        for _ in range(3):
            with pytest.raises(ImageMissingError, match="404"):
                source.fetch("/data/upload/2/gone.png")
        assert len(server.asked) == 1

    def test_an_image_that_was_out_of_reach_is(
        self, server: LocalServer, make_source: MakeSource, png: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("backend.images.http_download._WAITS", ())
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        source = make_source()
        server.routes["/data/upload/2/a.png"] = Answer(status=503)
        with pytest.raises(ImageUnreachableError):
            source.fetch("/data/upload/2/a.png")
        server.routes["/data/upload/2/a.png"] = Answer(png)
        assert source.fetch("/data/upload/2/a.png") == png


def test_inline_images_need_no_server(server: LocalServer, make_source: MakeSource, png: bytes) -> None:
    pixels = make_source().load(f"data:image/png;base64,{base64.b64encode(png).decode()}")
    assert pixels.shape == (3, 4, 3)
    assert server.asked == []


def test_the_pixel_cap_holds_for_every_kind_of_address(
    server: LocalServer, make_source: MakeSource, png: bytes
) -> None:
    server.routes["/data/upload/2/a.png"] = Answer(png)
    with pytest.raises(ImageContentError, match="ZEGCLIP_MAX_PIXELS"):
        make_source(max_pixels=11).load("/data/upload/2/a.png")
