"""The embedded model, loaded once for the suite by the first test that asks, and photographs for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from backend.images.source import ImageSource
from backend.jobs import predictor
from backend.jobs.predictor import Predictor, install_predictor
from backend.label_studio.origin import LabelStudioOrigin
from tests.photos import small_photos
from zegclip_core.segmenter import Segmenter, build_segmenter

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segmenter]:
    """`zegclip-mini` on one thread of the CPU."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield build_segmenter("zegclip-mini", cache_dir=tmp_path_factory.mktemp("models"), device="cpu")
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `chelsea.jpg` (a cat), `coffee.jpg` (a cup), and `broken.jpg`, which is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    for photo in small_photos():
        (folder / photo.name).write_bytes(photo.content)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="session")
def image_source(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageSource:
    """Images of `photo_folder` as local files (see `local_file`); its Label Studio does not answer."""
    return ImageSource(
        label_studio=LabelStudioOrigin(url=NOBODY, api_key=None),
        cache_dir=tmp_path_factory.mktemp("cache"),
        cache_bytes=10_000_000,
        max_bytes=10_000_000,
        max_pixels=10_000_000,
        local_files_root=photo_folder,
    )


@pytest.fixture
def installed_model(segmenter: Segmenter, image_source: ImageSource) -> Iterator[None]:
    """This process as an inference worker: `zegclip-mini` is its predictor."""
    before = list(predictor._installed)
    version = segmenter.model_version
    install_predictor(Predictor(segmenter=segmenter, images=image_source, model_version=version))
    yield
    predictor._installed[:] = before


def local_file(name: str) -> str:
    """Return a photograph's address as a task carries it."""
    return f"/data/local-files/?d={name}"
