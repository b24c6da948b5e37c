from pathlib import Path

import numpy as np
import torch

from tests.training.tiny import CAT, DOG, SOFA, halves, tiny_configuration, write_dataset
from training.label_mapping import map_labels
from training.samples import DrawOrder, ImageSamples, draw_order

IDS = tuple("abcdefg")


def test_an_epoch_passes_every_image_once_and_the_next_in_another_order() -> None:
    order = DrawOrder(IDS, seed=0)
    epochs = [[order.image_id(draw) for draw in range(7 * n, 7 * n + 7)] for n in range(3)]
    assert all(sorted(epoch) == list(IDS) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_draw_does_not_depend_on_the_draws_before_it() -> None:
    """What makes a resumed run see the same images."""
    forward = DrawOrder(IDS, seed=3)
    images = [forward.image_id(draw) for draw in range(20)]
    fresh = DrawOrder(IDS, seed=3)
    assert [fresh.image_id(draw) for draw in reversed(range(20))] == images[::-1]


def test_seeds_give_orders_of_their_own() -> None:
    first, second = DrawOrder(IDS, seed=0), DrawOrder(IDS, seed=1)
    assert [first.image_id(n) for n in range(7)] != [second.image_id(n) for n in range(7)]


def test_balanced_draws_take_a_class_first(tmp_path: Path) -> None:
    """Nine images of cats, one of a dog: half of the draws show the dog."""
    masks = [halves(CAT, 255)] * 9 + [halves(DOG, 255)]
    description = write_dataset(tmp_path, masks=masks)
    mapping = map_labels(description, "inductive", background="ignore")
    order = draw_order(description, "train", mapping=mapping, sampling="balanced", seed=0)
    dogs = sum(order.image_id(draw) == "picture9" for draw in range(400))
    assert 150 < dogs < 250
    uniform = draw_order(description, "train", mapping=mapping, sampling="uniform", seed=0)
    assert sum(uniform.image_id(draw) == "picture9" for draw in range(400)) == 40


def test_images_without_seen_class_are_never_drawn_when_balanced(tmp_path: Path) -> None:
    description = write_dataset(tmp_path, masks=[halves(CAT, DOG), halves(SOFA, 255)])
    mapping = map_labels(description, "inductive", background="ignore")
    order = draw_order(description, "train", mapping=mapping, sampling="balanced", seed=0)
    assert {order.image_id(draw) for draw in range(50)} == {"picture0"}


def test_a_sample_is_a_pure_function_of_seed_and_draw(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    mapping = map_labels(description, "fully", background="ignore")

    def sample(seed: int, draw: int) -> tuple[torch.Tensor, torch.Tensor]:
        views, targets = ImageSamples(
            description=description,
            order=DrawOrder(description.ids("train"), seed=seed),
            mapping=mapping,
            settings=tiny_configuration().augmentation,
            fill=(0, 0, 0),
        )[draw]
        return views["image"], targets

    image, targets = sample(0, 4)
    assert (image.shape, image.dtype) == ((3, 64, 64), torch.uint8)
    assert (targets.shape, targets.dtype) == ((64, 64), torch.int64)
    assert torch.equal(image, sample(0, 4)[0])
    assert not torch.equal(image, sample(0, 5)[0])
    assert not torch.equal(image, sample(1, 4)[0])
    assert set(np.unique(targets)) <= {-1, 0, 1, 2}
