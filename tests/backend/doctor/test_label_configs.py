from pathlib import Path

from backend.doctor.label_configs import check_label_configs
from backend.projects import ProjectStore, read_setup
from backend.settings import load_settings

BRUSH = """<View><Image name="image" value="$image"/><BrushLabels name="label" toName="image">
<Label value="Cat" prompt="cat|kitten"/><Label value="Sofa"/></BrushLabels></View>"""
NOTHING = '<View><Text name="text" value="$text"/></View>'


def save(folder: Path, project: str, label_config: str) -> None:
    body = {"project": f"{project}.1795425884", "schema": label_config, "hostname": "", "extra_params": None}
    ProjectStore(folder=folder / "projects").save(read_setup(body))


def test_each_projects_labels_are_told_with_their_words(tmp_path: Path) -> None:
    save(tmp_path, "1", BRUSH)
    (finding,) = check_label_configs(load_settings(data_dir=tmp_path))
    assert finding.check == "labels of project 1"
    assert finding.state == "ok"
    assert finding.words == "label paints Cat (cat | kitten), Sofa (Sofa)"


def test_a_configuration_with_nothing_to_paint_is_a_warning(tmp_path: Path) -> None:
    save(tmp_path, "1", NOTHING)
    (finding,) = check_label_configs(load_settings(data_dir=tmp_path))
    assert (finding.check, finding.state) == ("labels of project 1", "warning")
    assert "<Text>" in finding.words


def test_a_broken_configuration_does_not_hide_the_others(tmp_path: Path) -> None:
    save(tmp_path, "1", "<View>")
    save(tmp_path, "2", BRUSH)
    findings = {f.check: f for f in check_label_configs(load_settings(data_dir=tmp_path))}
    assert findings["labels of project 1"].state == "failed"
    assert findings["labels of project 2"].state == "ok"


def test_no_project_yet_is_nothing_to_tell(tmp_path: Path) -> None:
    assert list(check_label_configs(load_settings(data_dir=tmp_path))) == []


def test_a_word_the_model_cannot_read_is_a_warning_with_its_cure(tmp_path: Path) -> None:
    save(tmp_path, "1", BRUSH.replace('prompt="cat|kitten"', 'prompt="猫"'))
    told, doubt = check_label_configs(load_settings(data_dir=tmp_path))
    assert told.state == "ok"
    assert (doubt.check, doubt.state) == ("labels of project 1", "warning")
    assert "'Cat'" in doubt.words
    assert "prompt=" in doubt.cure
