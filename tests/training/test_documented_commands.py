"""Every command of docs/training.md, on a miniature of each download and a backbone of two blocks."""

import json
import re
import shlex
from pathlib import Path

import pytest
from safetensors.torch import save_file

from backend.cli import main
from tests.conftest import CHECKOUT
from tests.training.converters.downloads import (
    blocks,
    write_context_mask,
    write_grey_mask,
    write_list,
    write_palette_mask,
    write_photograph,
)
from tests.training.tiny import CONTEXT, SIDE, tiny_backbone, write_dataset

BLOCKS = re.findall(r"```sh\n(.*?)```", (CHECKOUT / "docs" / "training.md").read_text(), flags=re.DOTALL)
SECTIONS = ("voc", "coco-stuff", "context", "own data")
SMALL = (
    "optimisation.iterations=2",
    "optimisation.batch_size=2",
    "self_training.inductive_iterations=1",
    "self_training.iterations=1",
    "model.prompt_tokens=1",
    "model.decoder_layers=1",
    f"augmentation.crop={SIDE}",
    f"augmentation.short_side={SIDE}",
)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny backbone as open_clip would save it."""
    folder = tmp_path_factory.mktemp("backbone")
    tiny = tiny_backbone()
    state = {name: one.contiguous() for name, one in tiny.clip.state_dict().items() if name != "attn_mask"}
    save_file(state, folder / "open_clip_model.safetensors")
    architecture = {
        "embed_dim": 32,
        "vision_cfg": {"image_size": SIDE, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": architecture}))
    return folder


def write_voc(downloads: Path) -> None:
    root = downloads / "voc" / "VOCdevkit" / "VOC2012"
    names = [f"2007_00000{number}" for number in range(4)]
    for number, name in enumerate(names):
        write_photograph(root / "JPEGImages" / f"{name}.jpg", seed=number)
        write_palette_mask(root / "SegmentationClassAug" / f"{name}.png", blocks(1, 15, 20))
        write_palette_mask(root / "SegmentationClass" / f"{name}.png", blocks(0, 1, 15, 20))
    write_list(root / "ImageSets/Segmentation/train.txt", names[:2])
    write_list(root / "ImageSets/Segmentation/val.txt", names[2:3])


def write_coco(downloads: Path) -> None:
    root = downloads / "coco"
    masks = {"train2017": {"000000000009": (0, 12, 20, 181), "000000000025": (0, 20, 91)}, "val2017": {}}
    masks["val2017"] = {"000000000139": (0, 20, 12, 171)}
    for folder, images in masks.items():
        for name, values in images.items():
            write_photograph(root / "images" / folder / f"{name}.jpg")
            write_grey_mask(root / "stuffthingmaps" / folder / f"{name}.png", blocks(*values))


def write_context(downloads: Path) -> None:
    root = downloads / "context" / "VOCdevkit" / "VOC2010"
    aeroplane, wood, window = 2, 458, 454
    for name in ("2008_000002", "2008_000003"):
        write_photograph(root / "JPEGImages" / f"{name}.jpg")
        write_context_mask(root / "trainval" / f"{name}.mat", blocks(aeroplane, wood, window))
    write_list(root / "ImageSets/Main/train.txt", ["2008_000002"])
    write_list(root / "ImageSets/Main/val.txt", ["2008_000003"])


def write_own(folder: Path) -> None:
    for name in ("a", "b"):
        write_dataset(folder / "datasets" / name)
    write_photograph(folder / "photo.jpg")


def test_the_page_has_a_block_for_each_section() -> None:
    assert len(BLOCKS) == len(SECTIONS)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("section", SECTIONS)
def test_commands_run_as_they_stand(
    section: str, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only size is added: a small backbone, two steps, small crops."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZEGCLIP_DATA_DIR", str(tmp_path / "data"))
    writers = {"voc": write_voc, "coco-stuff": write_coco, "context": write_context}
    if section in writers:
        writers[section](tmp_path / "downloads")
    else:
        write_own(tmp_path)
    for command in BLOCKS[SECTIONS.index(section)].strip().splitlines():
        program, *arguments = shlex.split(command)
        assert program == "zegclip"
        if arguments[0] == "train":
            sizes = SMALL if section in writers else SMALL[:4]
            chosen = [f"model.backbone={backbone}"] if section in writers else []
            arguments += [part for one in (*sizes, *chosen) for part in ("--set", one)]
        assert main(arguments) == 0, command


def test_a_model_trained_by_command_is_scored_in_json(
    backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_dataset(tmp_path / "data").root, tmp_path / "run"
    settings = [part for one in (*SMALL, f"model.backbone={backbone}") for part in ("--set", one)]
    common = ["--data-dir", str(tmp_path / "home"), "--quiet"]
    assert (
        main(
            [
                "train",
                str(data),
                "--recipe",
                "voc",
                "--out",
                str(out),
                *settings[2:],
                *common,
                "--set",
                "data.train_split=train",
                "--set",
                "optimisation.iterations=2",
            ]
        )
        == 0
    )
    assert f"model: {out / 'model'}" in capsys.readouterr().out
    assert (
        main(
            [
                "eval",
                str(out / "model"),
                str(data),
                "--split",
                "train",
                "--json",
                *common,
                "--unseen",
                "dog",
                "--out",
                str(tmp_path / "report"),
            ]
        )
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["pAcc", "mIoU", "mIoU_seen", "mIoU_unseen", "hIoU", "per_class"]
    assert (tmp_path / "report" / "worst-and-best.png").is_file()
