"""The doctor asks a child process what the model makes of label sets."""

from pathlib import Path

from backend.doctor.words_probe import understand_label_sets
from backend.settings import load_settings
from zegclip_core.labels import Label, parse_words


def test_similar_words_and_measured_mistakes_of_every_label_set(tmp_path: Path) -> None:
    sets = [parse_words("sofa, couch"), parse_words("apple, orange"), [Label("cat 🐈", ("cat",))]]
    understood = understand_label_sets(load_settings(data_dir=tmp_path), sets)
    assert understood is not None
    twins, fruit, cat = understood
    assert any("'sofa' and 'couch' are nearly the same" in warning for warning in twins.warnings)
    assert any("of 'apple' are painted 'orange'" in told for told in fruit.measured)
    assert {one.model_version for one in understood} == {"zegclip-mini@4"}
    assert (cat.warnings, cat.measured) == ((), ())


def test_a_model_that_does_not_load_is_no_answer(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, model="no-such-model")
    assert understand_label_sets(settings, [parse_words("sofa")]) is None
