from collections.abc import Sequence
from pathlib import Path

import pytest

from backend.doctor import label_configs
from backend.doctor.finding import Finding
from backend.doctor.label_configs import check_label_configs
from backend.doctor.words_probe import UnderstoodSet
from backend.projects import ProjectStore, read_setup
from backend.settings import Settings, load_settings
from zegclip_core.labels import Label

BRUSH = """<View><Image name="image" value="$image"/><BrushLabels name="label" toName="image">
<Label value="Cat" prompt="cat|kitten"/><Label value="Sofa"/></BrushLabels></View>"""
NOTHING = '<View><Text name="text" value="$text"/></View>'


def check(folder: Path, *answers: UnderstoodSet) -> list[Finding]:
    """Check with a model that gives these answers, or with one that cannot be asked."""

    def understand(settings: Settings, sets: Sequence[Sequence[Label]]) -> list[UnderstoodSet] | None:
        assert all(sets)
        return list(answers) or None

    return list(check_label_configs(load_settings(data_dir=folder), understand))


def save(folder: Path, project: str, label_config: str) -> None:
    body = {"project": f"{project}.1795425884", "schema": label_config, "hostname": "", "extra_params": None}
    ProjectStore(folder=folder / "projects").save(read_setup(body))


def test_each_projects_labels_are_told_with_their_words(tmp_path: Path) -> None:
    save(tmp_path, "1", BRUSH)
    (finding,) = check(tmp_path)
    assert finding.check == "labels of project 1"
    assert finding.state == "ok"
    assert finding.words == "label paints Cat (cat | kitten), Sofa (Sofa)"


def test_a_configuration_with_nothing_to_paint_is_a_warning(tmp_path: Path) -> None:
    save(tmp_path, "1", NOTHING)
    (finding,) = check(tmp_path)
    assert (finding.check, finding.state) == ("labels of project 1", "warning")
    assert "<Text>" in finding.words


def test_a_broken_configuration_does_not_hide_the_others(tmp_path: Path) -> None:
    save(tmp_path, "1", "<View>")
    save(tmp_path, "2", BRUSH)
    findings = {f.check: f for f in check(tmp_path)}
    assert findings["labels of project 1"].state == "failed"
    assert findings["labels of project 2"].state == "ok"


def test_no_project_yet_is_nothing_to_tell(tmp_path: Path) -> None:
    assert check(tmp_path) == []


def test_a_word_the_model_cannot_read_is_a_warning_with_its_cure(tmp_path: Path) -> None:
    save(tmp_path, "1", BRUSH.replace('prompt="cat|kitten"', 'prompt="猫"'))
    told, doubt = check(tmp_path)
    assert told.state == "ok"
    assert (doubt.check, doubt.state) == ("labels of project 1", "warning")
    assert "'Cat'" in doubt.words
    assert "prompt=" in doubt.cure


def test_what_the_model_makes_of_the_words_is_a_warning_for_its_own_project(tmp_path: Path) -> None:
    save(tmp_path, "2", BRUSH.replace("kitten", "lion"))
    save(tmp_path, "broken", "<View>")
    save(tmp_path, "1", BRUSH)
    first = UnderstoodSet(("'Cat' and 'Sofa' are nearly the same",), (), "mini@1")
    second = UnderstoodSet((), ("measured: 18 % of the pixels of 'cat'",), "mini@1")
    doubts = {f.check: f for f in check(tmp_path, first, second) if f.state == "warning"}
    assert "nearly the same" in doubts["labels of project 1"].words
    assert "'label': measured" in doubts["labels of project 2"].words
    assert "measured: 18 %" in doubts["labels of project 2"].words
    assert "--dataset" in doubts["labels of project 2"].cure


def test_what_was_measured_with_the_base_model_says_nothing_about_a_projects_own_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_configs, "served_version", lambda *_, **__: "project-1-v2")
    save(tmp_path, "1", BRUSH)
    told = check(tmp_path, UnderstoodSet(("far",), ("measured: 18 %",), "mini@1"))
    assert [finding.state for finding in told] == ["ok", "warning"]
    assert told[1].words.endswith(": far")
