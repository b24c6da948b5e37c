"""An S3-compatible server (moto's) on this machine, started by the first test that asks."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import fsspec
import pytest
import requests

from tests.label_studio import unused_port
from tests.processes import wait_until

KEY = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}


@dataclass(frozen=True)
class S3Server:
    """A server that answers.

    Attributes:
        port: on this machine.

    """

    port: int

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self) -> str:
        """Make a bucket of a new name and return its address."""
        bucket = f"test-{uuid.uuid4().hex[:12]}"
        boto3.client("s3", endpoint_url=self.url, **KEY).create_bucket(Bucket=bucket)
        return f"s3://{bucket}/zegclip"

    def environment(self, *, port: int | None = None) -> dict[str, str]:
        """The variables with which a process reaches it, by default without a detour."""
        return {
            "AWS_ACCESS_KEY_ID": KEY["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": KEY["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": KEY["region_name"],
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
        }


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The suite's own server."""
    server = S3Server(unused_port())
    log = tmp_path_factory.mktemp("s3") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(server.port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until(lambda: _answers(server.url, process), "the S3 server answers")
        yield server
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, with this process set up as its client."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    # fsspec shares clients by their options, of which the environment is none.
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    return s3_server


def _answers(url: str, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "the S3 server has ended"
    try:
        return requests.get(url, timeout=5).status_code < 500
    except requests.RequestException:
        return False
