import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.tiny import DOG, SOFA, halves, tiny_backbone, tiny_configuration, write_dataset
from training.configuration import TrainingConfiguration
from training.errors import (
    ConfigurationError,
    DivergedError,
    EmptySplitError,
    MissingMaskError,
    RunStoppedError,
    StartModelError,
    TrainingStateError,
)
from training.progress import Progress
from training.run import TrainedModel, train
from training.run_files import STATE_FILE, read_losses

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data")).root


def run(
    configuration: TrainingConfiguration,
    data: Path,
    out: Path,
    *,
    start_from: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainedModel:
    return train(
        configuration,
        dataset=data,
        out=out,
        start_from=start_from,
        backbone=tiny_backbone(),
        progress=progress,
        should_stop=should_stop,
    )


def weights(folder: Path) -> Weights:
    return load_file(folder / "model" / "weights.safetensors")


def identical(first: Weights, second: Weights) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_leaves_a_model_a_log_and_pictures(data: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    trained = run(tiny_configuration(), data, tmp_path, progress=told.append)
    assert trained.folder == tmp_path / "model"
    assert [one.iteration for one in told] == [1, 2, 3, 4]
    assert {one.phase for one in told} == {"inductive"}
    assert told[-1].seconds_left == 0
    assert read_losses(tmp_path) == [one.loss for one in told]
    assert trained.loss == told[-1].loss
    assert {path.name for path in tmp_path.iterdir()} >= {"model", "log.jsonl", "losses.png", "samples.png"}


def test_equal_settings_give_equal_weights_and_another_seed_others(data: Path, tmp_path: Path) -> None:
    run(tiny_configuration(), data, tmp_path / "a")
    run(tiny_configuration(), data, tmp_path / "b")
    run(tiny_configuration(seed=1), data, tmp_path / "c")
    assert identical(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not identical(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_training_leaves_the_global_random_generator_alone(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run(tiny_configuration(), data, tmp_path)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("mode", ["inductive", "transductive", "fully"])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_stopped_run_goes_on_with_identical_result(
    data: Path, tmp_path: Path, mode: str, steps: int
) -> None:
    configuration = tiny_configuration(mode, self_training={"scheme": "teacher", "kept_share": 0.9})
    run(configuration, data, tmp_path / "whole")
    seen: list[Progress] = []
    with pytest.raises(RunStoppedError, match=f"after {steps} of 4 steps"):
        run(
            configuration,
            data,
            tmp_path / "parts",
            progress=seen.append,
            should_stop=lambda: len(seen) == steps,
        )
    run(configuration, data, tmp_path / "parts")
    assert identical(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert read_losses(tmp_path / "whole") == read_losses(tmp_path / "parts")


def test_a_finished_run_is_returned_as_it_is(data: Path, tmp_path: Path) -> None:
    first = run(tiny_configuration(), data, tmp_path)
    told: list[Progress] = []
    again = run(tiny_configuration(), data, tmp_path, progress=told.append)
    assert told == []
    assert (again.folder, again.loss, again.iterations) == (first.folder, first.loss, first.iterations)


def test_what_a_model_is_saved_with_can_be_changed_without_training_it_again(
    data: Path, tmp_path: Path
) -> None:
    run(tiny_configuration(), data, tmp_path)
    learned = weights(tmp_path)
    told: list[Progress] = []
    again = tiny_configuration(evaluation={"none_probability": 0.3})
    run(again, data, tmp_path, progress=told.append)
    assert told == []
    assert identical(weights(tmp_path), learned)
    assert json.loads((tmp_path / "model" / "manifest.json").read_text())["none_probability"] == 0.3


def test_micro_batches_add_up_to_the_batch(data: Path, tmp_path: Path) -> None:
    """Up to rounding, which AdamW's first steps (2e-4 each) enlarge; dropout off, as it depends on shapes."""
    settings = {"iterations": 2, "batch_size": 4, "warmup": 0}
    for name, micro in (("one", 1), ("three", 3), ("all", 4)):
        configuration = tiny_configuration(
            model={"dropout": 0.0}, optimisation=settings | {"micro_batch": micro}
        )
        run(configuration, data, tmp_path / name)
    expected = weights(tmp_path / "all")
    for name in ("one", "three"):
        for key, value in weights(tmp_path / name).items():
            torch.testing.assert_close(value, expected[key], atol=2e-5, rtol=0)


def test_inductive_training_never_sees_pixels_of_unseen_classes(tmp_path: Path) -> None:
    """Masks with the unseen class and masks with ignored pixels in its place give the same weights."""

    with_sofa, with_ignored = halves(DOG, SOFA), halves(DOG, 255)
    for name, mask in (("sofa", with_sofa), ("ignored", with_ignored)):
        description = write_dataset(tmp_path / name, masks=[mask] * 2)
        for number in range(2):
            picture = f"picture{number}.png"
            source = tmp_path / "sofa" / "images" / picture
            (description.root / "images" / picture).write_bytes(source.read_bytes())
        run(tiny_configuration(), description.root, tmp_path / name / "run")
    assert identical(weights(tmp_path / "sofa" / "run"), weights(tmp_path / "ignored" / "run"))


def test_the_backbone_stays_as_it_was(data: Path, tmp_path: Path) -> None:
    backbone = tiny_backbone()
    before = {name: value.clone() for name, value in backbone.clip.state_dict().items()}
    configuration = tiny_configuration(model={"tuned": "blocks", "prompt_tokens": 0})
    train(configuration, dataset=data, out=tmp_path, backbone=backbone)
    assert identical(before, backbone.clip.state_dict())


@pytest.mark.parametrize("cache", ["stem", "features"])
def test_cached_features_give_a_run_that_repeats_itself(data: Path, tmp_path: Path, cache: str) -> None:
    configuration = tiny_configuration(
        model={"prompt_tokens": 0}, data={"cache": cache}, augmentation={"photometric": False}
    )
    cold = run(configuration, data, tmp_path / "cold")
    warm = train(
        configuration,
        dataset=data,
        out=tmp_path / "warm",
        cache_dir=tmp_path / "cold" / "cache",
        backbone=tiny_backbone(),
    )
    assert cold.loss == warm.loss
    assert identical(weights(tmp_path / "cold"), weights(tmp_path / "warm"))


def test_a_run_may_start_from_the_model_of_another(data: Path, tmp_path: Path) -> None:
    first = run(tiny_configuration(), data, tmp_path / "first")
    losses: list[float] = []
    run(
        tiny_configuration(optimisation={"learning_rate": 1e-9, "warmup": 0, "smallest_rate": 0.0}),
        data,
        tmp_path / "second",
        start_from=first.folder,
        progress=lambda one: losses.append(one.loss),
    )
    begin, end = weights(tmp_path / "first"), weights(tmp_path / "second")
    assert all(torch.allclose(begin[name], end[name], atol=1e-6) for name in begin)


def test_a_start_from_another_backbone_is_refused_by_its_digest(data: Path, tmp_path: Path) -> None:
    first = run(tiny_configuration(), data, tmp_path / "first")
    with pytest.raises(StartModelError, match=r"trained on tiny .* set model.backbone to its own"):
        train(
            tiny_configuration(),
            dataset=data,
            out=tmp_path / "second",
            start_from=first.folder,
            backbone=tiny_backbone(digest="other"),
        )


def test_a_start_of_another_architecture_is_refused(data: Path, tmp_path: Path) -> None:
    first = run(tiny_configuration(), data, tmp_path / "first")
    with pytest.raises(StartModelError, match="another architecture"):
        run(tiny_configuration(model={"decoder_layers": 1}), data, tmp_path / "b", start_from=first.folder)


def test_a_start_that_is_no_checkpoint_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(StartModelError, match=r"no model to start from at .*nowhere"):
        run(tiny_configuration(), data, tmp_path / "out", start_from=tmp_path / "nowhere")


def test_other_settings_in_the_same_folder_are_refused(data: Path, tmp_path: Path) -> None:
    run(tiny_configuration(), data, tmp_path)
    with pytest.raises(TrainingStateError, match="other settings, data or start: give another folder"):
        run(tiny_configuration(seed=3), data, tmp_path)


def test_reading_processes_and_saving_interval_may_change_on_the_way(data: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    with pytest.raises(RunStoppedError):
        run(tiny_configuration(), data, tmp_path, progress=seen.append, should_stop=lambda: len(seen) == 1)
    run(tiny_configuration(optimisation={"save_every": 1}, data={"workers": 1}), data, tmp_path)


def test_a_flipped_bit_in_the_state_is_found(data: Path, tmp_path: Path) -> None:
    run(tiny_configuration(), data, tmp_path)
    state = bytearray((tmp_path / STATE_FILE).read_bytes())
    state[len(state) // 2] ^= 1
    (tmp_path / STATE_FILE).write_bytes(state)
    with pytest.raises(
        TrainingStateError, match=r"state.bin is damaged .* delete it to train from the start"
    ):
        run(tiny_configuration(), data, tmp_path)


def test_a_loss_that_is_no_number_ends_the_run_with_a_cure(data: Path, tmp_path: Path) -> None:
    configuration = tiny_configuration(
        optimisation={"learning_rate": 1e30, "warmup": 0}, loss={"focal_weight": 1e30}
    )
    with pytest.raises(DivergedError, match=r"lower optimisation.learning_rate"):
        run(configuration, data, tmp_path)


def test_missing_files_are_found_before_the_first_step(tmp_path: Path) -> None:
    description = write_dataset(tmp_path / "data")
    description.mask_path("picture3").unlink()
    with pytest.raises(MissingMaskError, match="picture3"):
        run(tiny_configuration(), description.root, tmp_path / "out")
    (tmp_path / "data" / "splits" / "train.txt").write_text("\n")
    with pytest.raises(EmptySplitError, match="lists no image"):
        run(tiny_configuration(), description.root, tmp_path / "out")


def test_a_crop_that_the_backbone_cannot_take_names_one_that_it_can(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="multiples of 16 pixels, such as 64"):
        run(tiny_configuration(augmentation={"crop": 70}), data, tmp_path)


def test_training_lowers_the_loss(data: Path, tmp_path: Path) -> None:
    configuration = tiny_configuration(
        model={"dropout": 0.0},
        augmentation={"scales": [1.0, 1.0], "flip": 0.0, "photometric": False},
        optimisation={"iterations": 30, "learning_rate": 3e-3, "save_every": 30},
    )
    run(configuration, data, tmp_path)
    losses = read_losses(tmp_path)
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])
