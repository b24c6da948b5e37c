"""ZegCLIP as a whole: sizes, what is trained, what depends on what."""

import numpy as np
import pytest
import torch

from tests.zegclip_core import numpy_zegclip
from tests.zegclip_core.zegclip.towers import DIM, PATCH, SIDE, images, small_model, small_tower, unit_rows
from zegclip_core import ZegCLIP, ZegCLIPOptions
from zegclip_core.errors import ModelOptionError, ShapeError, UnsupportedArchitectureError
from zegclip_core.guarded_open_clip import open_clip

OPENAI = {"image_mean": open_clip.OPENAI_DATASET_MEAN, "image_std": open_clip.OPENAI_DATASET_STD}


@pytest.mark.parametrize(
    ("tokens", "expected"),
    # The release has 3,154,944 more, in self-attention that it never calls.
    [(10, 13_821_184 - 3_154_944), (100, 14_650_624 - 3_154_944)],
)
def test_as_many_parameters_are_trained_on_vit_b16_as_in_the_paper(tokens: int, expected: int) -> None:
    with torch.device("meta"):
        visual = open_clip.transformer.VisionTransformer(
            image_size=224, patch_size=16, width=768, layers=12, heads=12, mlp_ratio=4.0, output_dim=512
        )
    model = ZegCLIP(visual=visual, stride=16, **OPENAI, options=ZegCLIPOptions(prompt_tokens=tokens))
    assert sum(one.numel() for one in model.parameters() if one.requires_grad) == expected
    assert sum(one.numel() for _, one in model.learned_parameters()) == expected


@pytest.mark.parametrize("grid", [(SIDE, SIDE), (2, 6), (5, 3), (1, 1)], ids=lambda g: f"{g[0]}x{g[1]}")
@torch.no_grad()
def test_any_grid_of_patches(grid: tuple[int, int]) -> None:
    model = small_model()
    patches, features = model.encode_image(images(2, *grid))
    assert patches.shape == (2, DIM, *grid)
    assert features.shape == (2, DIM)
    torch.testing.assert_close(patches.norm(dim=1), torch.ones(2, *grid))
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))
    assert model(images(2, *grid), unit_rows(4)).shape == (2, 4, *grid)


@pytest.mark.parametrize(
    ("name", "stride", "dim"), [("ViT-B-32", 32, 512), ("ViT-L-14", 14, 768), ("ViT-H-14", 14, 1024)]
)
@torch.no_grad()
def test_any_plain_vit_of_open_clip(name: str, stride: int, dim: int) -> None:
    vision = open_clip.get_model_config(name)["vision_cfg"]
    with torch.device("meta"):
        visual = open_clip.transformer.VisionTransformer(
            image_size=vision["image_size"],
            patch_size=vision["patch_size"],
            width=vision["width"],
            layers=2,
            heads=vision["width"] // vision.get("head_width", 64),
            mlp_ratio=4.0,
            output_dim=dim,
        )
        model = ZegCLIP(visual=visual, stride=stride, **OPENAI)
        logits = model(torch.zeros(2, 3, 3 * stride, 5 * stride), torch.zeros(7, dim))
    assert model.embed_dim == dim
    assert logits.shape == (2, 7, 3, 5)


@torch.no_grad()
def test_the_model_is_encoding_and_decoding() -> None:
    model, text = small_model(), unit_rows(4)
    picture = images(1, 2, 3)
    stem = model.tower.patchify(picture)
    direct = model(picture, text)
    torch.testing.assert_close(model.decode(*model.encode_image(picture), text), direct)
    torch.testing.assert_close(model.decode(*model.encode_stem(stem), text), direct)


@torch.no_grad()
def test_a_class_is_scored_alike_whatever_else_is_asked_for() -> None:
    model, text, picture = small_model(), unit_rows(50), images(1, 3, 2)
    few, many = model(picture, text[:3]), model(picture, text)
    torch.testing.assert_close(many[:, :3], few)
    reordered = model(picture, text.flip(0))
    torch.testing.assert_close(reordered.flip(1), many)


@torch.no_grad()
def test_images_of_a_batch_do_not_influence_each_other() -> None:
    model, text, batch = small_model(), unit_rows(3), images(3, 2, 2)
    torch.testing.assert_close(model(batch, text)[1:2], model(batch[1:2], text))


def test_gradients_reach_everything_learned_and_nothing_frozen() -> None:
    model = small_model(ZegCLIPOptions(prompt_tokens=2, masks="mean_of_layers")).train()
    model(images(1, 2, 2), unit_rows(3)).square().sum().backward()
    frozen = [name for name, one in model.named_parameters() if one.grad is None]
    last_layer = [name for name in frozen if name.startswith("decoder.layers.2.")]
    assert set(frozen) - set(last_layer) == {
        name for name, one in model.named_parameters() if "visual" in name
    }
    prompts = model.encoder.prompts
    assert prompts is not None
    gradient = prompts.embeddings.grad
    assert gradient is not None
    assert bool((gradient.abs().sum(dim=(1, 2)) > 0).all()), "every layer's prompts are learned"


def test_training_mode_leaves_the_tower_alone() -> None:
    model = small_model().train()
    assert model.decoder.training
    assert not any(module.training for module in model.tower.modules())
    text, picture = unit_rows(2), images(1, 2, 2)
    with torch.no_grad():
        assert not torch.equal(model(picture, text), model(picture, text)), "dropout is on"


def test_without_prompts_features_are_clips_own() -> None:
    tower = small_tower()
    model = ZegCLIP(visual=tower, stride=PATCH, **OPENAI, options=ZegCLIPOptions(prompt_tokens=0)).eval()
    assert {name.split(".")[0] for name, _ in model.learned_parameters()} == {"descriptor", "decoder"}
    picture = images(1, SIDE, SIDE)
    with torch.no_grad():
        _, features = model.encode_image(picture)
        own = tower.eval()(picture)
    torch.testing.assert_close(features, torch.nn.functional.normalize(own, dim=-1))


def test_tuned_blocks_are_a_copy_and_the_only_part_of_the_tower_that_learns() -> None:
    tower = small_tower()
    model = ZegCLIP(
        visual=tower, stride=PATCH, **OPENAI, options=ZegCLIPOptions(prompt_tokens=0, tuned="blocks")
    )
    learned = {name for name, _ in model.learned_parameters() if "visual" in name}
    assert learned
    assert all("transformer.resblocks" in name for name in learned)
    with torch.no_grad():
        next(model.tower.blocks[0].parameters()).add_(1)
    assert not torch.equal(
        next(model.tower.blocks[0].parameters()), next(tower.transformer.resblocks[0].parameters())
    )


def test_images_are_normalised_by_the_backbones_scale_or_imagenets() -> None:
    image = torch.tensor([255, 0, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    np.testing.assert_allclose(small_model().normalise(image).flatten(), [2.0, -2.0, -1.2], atol=1e-6)
    imagenet = small_model(ZegCLIPOptions(normalisation="imagenet")).normalise(image).flatten()
    expected = [(255 - 123.675) / 58.395, -116.28 / 57.12, (51 - 103.53) / 57.375]
    np.testing.assert_allclose(imagenet, expected, rtol=1e-5)


@torch.no_grad()
def test_the_class_embedding_can_be_added_twice() -> None:
    once, twice = small_model(), small_model(ZegCLIPOptions(prompt_tokens=2, class_embedding_twice=True))
    difference = twice.tower.positions((2, 2)) - once.tower.positions((2, 2))
    torch.testing.assert_close(difference[0], once.tower.visual.class_embedding)
    torch.testing.assert_close(difference[1:], torch.zeros_like(difference[1:]))


@torch.no_grad()
def test_positions_can_go_by_way_of_another_grid() -> None:
    options = ZegCLIPOptions(position_interpolation="bilinear", position_grid=(5, 4))
    tower = small_model(options).tower
    table = tower.visual.positional_embedding[1:].double().numpy().reshape(SIDE, SIDE, -1)
    for grid in [(5, 4), (2, 7)]:
        expected = numpy_zegclip.bilinear(numpy_zegclip.bilinear(table, 5, 4), *grid)
        np.testing.assert_allclose(
            tower.positions(grid)[1:], expected.reshape(-1, table.shape[-1]), atol=1e-5
        )


@pytest.mark.parametrize("shape", [(1, 3, 10, 8), (1, 1, 8, 8), (3, 8, 8), (1, 3, 0, 8)])
def test_images_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="images of"):
        small_model().encode_image(torch.zeros(shape))


def test_stems_of_another_width_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"expected \(batch, 32, height, width\)"):
        small_model().encode_stem(torch.zeros(1, 8, 2, 2))


def test_images_that_are_no_bytes_are_not_normalised() -> None:
    with pytest.raises(ShapeError, match="expected uint8"):
        small_model().normalise(torch.zeros(1, 3, 4, 4))


def test_towers_without_patch_features_are_refused() -> None:
    with pytest.raises(UnsupportedArchitectureError, match="Linear"):
        ZegCLIP(visual=torch.nn.Linear(2, 2), stride=16, **OPENAI)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt_tokens": -1},
        {"decoder_layers": 0},
        {"decoder_heads": 0},
        {"dropout": 1.0},
        {"prompt_norm_epsilon": 0.0},
        {"position_grid": (0, 4)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_options_out_of_range_are_named(wrong: dict[str, object]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ModelOptionError) as caught:
        ZegCLIPOptions(**wrong)  # type: ignore[arg-type]
    assert f"{name} = {value!r}" in str(caught.value)
