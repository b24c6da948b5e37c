from pathlib import Path

import pytest

from training.configuration import TrainingConfiguration, to_mapping
from training.errors import ConfigurationError
from training.recipe_files import MODES, from_mapping, load_recipe, recipe_names


def test_the_benchmarks_and_the_embedded_model_have_recipes() -> None:
    assert {"voc", "coco-stuff", "context", "zegclip-mini"} <= set(recipe_names())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_loads_in_every_mode(name: str, mode: str) -> None:
    assert load_recipe(name, mode).mode == mode  # type: ignore[arg-type]


def test_the_voc_recipe_is_the_released_one() -> None:
    recipe = load_recipe("voc", "inductive")
    assert (recipe.model.backbone, recipe.model.prompt_tokens) == ("ViT-B-16/openai", 10)
    assert (recipe.optimisation.iterations, recipe.optimisation.batch_size) == (20_000, 16)
    assert (recipe.optimisation.learning_rate, recipe.optimisation.weight_decay) == (2e-4, 0.01)
    assert (recipe.optimisation.warmup, recipe.optimisation.power) == (1500, 0.9)
    assert (recipe.augmentation.crop, recipe.augmentation.scales) == (512, (0.5, 2.0))
    assert (recipe.loss.focal_weight, recipe.loss.dice_weight) == (100.0, 1.0)
    assert (recipe.evaluation.window, recipe.evaluation.window_stride) == (512, 426)
    assert recipe.model.normalisation == "imagenet"


def test_the_coco_recipe_has_a_hundred_prompts_and_fifteen_sentences() -> None:
    recipe = load_recipe("coco-stuff", "transductive")
    assert recipe.model.prompt_tokens == 100
    assert recipe.data.templates == "ensemble"
    assert recipe.self_training.inductive_iterations == recipe.self_training.iterations == 40_000


def test_the_bias_against_seen_classes_belongs_to_inductive_training() -> None:
    assert load_recipe("voc", "inductive").evaluation.seen_bias == 0.1
    assert load_recipe("voc", "transductive").evaluation.seen_bias == 0.0


def test_overrides_are_read_as_toml(tmp_path: Path) -> None:
    recipe = load_recipe(
        "voc",
        "inductive",
        ["optimisation.iterations=5", "loss.kind=exclusive", "augmentation.scales=[1.0, 1.0]", "seed=3"],
    )
    assert recipe.optimisation.iterations == 5
    assert recipe.loss.kind == "exclusive"
    assert recipe.augmentation.scales == (1.0, 1.0)
    assert recipe.seed == 3


def test_an_own_recipe_overrides_defaults_and_a_mode_overrides_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[optimisation]\niterations = 9\n[modes.fully.optimisation]\niterations = 7\n")
    assert load_recipe(str(file), "inductive").optimisation.iterations == 9
    assert load_recipe(str(file), "fully").optimisation.iterations == 7
    assert load_recipe(str(file), "fully").optimisation.batch_size == 16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimisation.iteration=5", r"no setting optimisation.iteration: there is .*iterations"),
        ("optimisation.iterations=many", r"iterations = 'many': must be int"),
        ("optimisation.iterations=0", r"iterations = 0: must be 1 or more"),
        ("loss.kind=softmax", r"loss.kind = 'softmax': must be one of non_exclusive, exclusive"),
        ("augmentation.scales=[1.0]", r"scales = \[1.0\]: must have 2 values"),
        ("model.dropout=1.0", r"model.dropout = 1.0"),
        ("augmentation.photometric=1", r"photometric = 1: must be bool"),
        ("seed", r"override 'seed': write it as group.setting=value"),
        ("data.cache=features", r"set model.prompt_tokens = 0"),
        ("evaluation.window_stride=0", r"evaluation.window_stride = 0"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_recipe("voc", "inductive", [text])


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no recipe 'ade20k': name one of .*voc"):
        load_recipe("ade20k", "fully")


def test_a_recipe_that_is_no_toml_says_where(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("[model\n")
    with pytest.raises(ConfigurationError, match=r"broken.toml is no valid TOML"):
        load_recipe(str(file), "fully")


def test_unknown_modes_in_a_recipe_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[modes.semi]\nseed = 1\n")
    with pytest.raises(ConfigurationError, match="'semi'"):
        load_recipe(str(file), "fully")


def test_cached_views_cannot_change_their_colours() -> None:
    with pytest.raises(ConfigurationError, match=r"augmentation\.photometric = false"):
        load_recipe("voc", "inductive", ["data.cache=stem"])


def test_self_training_needs_the_non_exclusive_loss() -> None:
    with pytest.raises(ConfigurationError, match=r"needs loss\.kind = 'non_exclusive'"):
        load_recipe("voc", "transductive", ["loss.kind=exclusive"])


def test_a_configuration_survives_the_way_to_plain_values_and_back() -> None:
    configuration = load_recipe("zegclip-mini", "transductive")
    assert from_mapping(to_mapping(configuration), where="test") == configuration
    assert from_mapping({}, where="test") == TrainingConfiguration()
