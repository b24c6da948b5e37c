"""A project's training from corrections to a version, with the embedded model and very few steps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backend.learning.ingest import Ingest
from backend.learning.preparation import Preparation
from backend.learning.project_folder import ProjectFolder
from backend.learning.stages import StageProgress
from backend.learning.train_project import ProjectTrainer, TrainerSettings
from tests.backend.learning.pretend import KEY, PretendLabelStudio, image_source
from tests.backend.learning.toy import CONFIG, correction, toy_pictures
from tests.processes import data_url
from training.errors import RunStoppedError
from training.fence import TrainingFence
from training.gate import GateSettings
from training.registry.errors import FenceHeldError
from zegclip_core.checkpoints.loading import learned_on

ALWAYS = GateSettings(smallest_gain=-101.0, largest_drop=101.0)
NEVER = GateSettings(smallest_gain=101.0)
PICTURES = 8
STEPS = 4

MakeTrainer = Callable[..., ProjectTrainer]


@pytest.fixture
def server() -> PretendLabelStudio:
    server = PretendLabelStudio()
    server.config = CONFIG
    for picture in toy_pictures(PICTURES):
        address = data_url(picture.photo.content, kind="image/png")
        server.annotate(server.add_task(data={"image": address}), correction(picture.truth))
    return server


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(root=tmp_path / "learning", key=KEY)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features are computed once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def make(server: PretendLabelStudio, folder: ProjectFolder, tmp_path: Path, cache: Path) -> MakeTrainer:
    def trainer(
        *,
        gate: GateSettings = ALWAYS,
        should_stop: Callable[[], bool] = lambda: False,
        report: Callable[[StageProgress], None] = lambda _: None,
        model: str = "zegclip-mini",
    ) -> ProjectTrainer:
        images = image_source(tmp_path)
        return ProjectTrainer(
            folder=folder,
            ingest=Ingest(client=server.client, images=images, folder=folder),
            preparation=Preparation(
                folder=folder,
                client=server.client,
                images=images,
                seen_pixels=100,
                transduction_images=4,
            ),
            settings=TrainerSettings(model=model, device="cpu", cache_dir=cache, iterations=STEPS, gate=gate),
            should_stop=should_stop,
            report=report,
        )

    return trainer


def add_label(server: PretendLabelStudio) -> None:
    server.config = server.config.replace("</BrushLabels>", '<Label value="lamp"/></BrushLabels>')


@pytest.mark.slow
def test_a_better_version_serves_and_everything_is_written_down(
    make: MakeTrainer, folder: ProjectFolder
) -> None:
    told: list[StageProgress] = []
    result = make(report=told.append).run("first", events=(9, 4), period="202611240300")
    assert (result.outcome, result.version) == ("promoted", 1)
    serving = folder.registry.champion()
    assert serving is not None
    facts = serving.facts
    assert (facts.corrections, facts.seen, facts.base) == (PICTURES, ("zorb", "quilm"), "zegclip-mini@4")
    assert facts.labels == {"zorb": ("zorb",), "quilm": ("quilm",)}
    assert facts.holdout >= 1
    assert set(facts.iou) == {"zorb", "quilm"}
    state = folder.state
    assert (state.new_corrections, state.events_read, state.starts_read) == (0, 9, 4)
    assert (len(state.trained_masks), state.last_period) == (PICTURES, "202611240300")
    assert list(dict.fromkeys(one.stage for one in told)) == [
        "reading corrections",
        "training",
        "comparing",
        "publishing",
    ]
    assert list(folder.runs.iterdir()) == []

    folder.registry.rollback(why="by hand")
    assert make().run("first").version == 1
    assert folder.registry.numbers() == [1]
    # The people's rollback stands.
    assert folder.registry.champion() is None
    assert make().run("another").outcome == "nothing new"


@pytest.mark.slow
def test_a_project_on_a_trained_model_learns_on_what_that_one_stands_on(
    make: MakeTrainer, folder: ProjectFolder
) -> None:
    assert make(model="zegclip-mini-decoder").run("first").outcome == "promoted"
    serving = folder.registry.champion()
    assert serving is not None
    assert serving.facts.base.startswith("zegclip-mini-decoder@")
    assert learned_on(str(serving.model_folder)) == "zegclip-mini"
    assert set(serving.facts.champion_iou) == {"zorb", "quilm"}


@pytest.mark.slow
def test_the_next_training_knows_its_parent_and_learns_new_labels_without_corrections(
    make: MakeTrainer, folder: ProjectFolder, server: PretendLabelStudio
) -> None:
    make().run("first")
    add_label(server)
    picture = toy_pictures(PICTURES + 1)[-1]
    server.add_task(data={"image": data_url(picture.photo.content, kind="image/png")})
    assert make().run("second").outcome == "promoted"
    facts = folder.registry.find(2).facts
    assert (facts.parent, facts.training["mode"], facts.training["unlabelled_images"]) == (
        1,
        "transductive",
        1,
    )
    assert facts.seen == ("zorb", "quilm")
    assert "lamp" in facts.labels


@pytest.mark.slow
def test_a_stopped_run_goes_on_with_its_own_data_and_a_bad_version_stays_a_candidate(
    make: MakeTrainer, folder: ProjectFolder, server: PretendLabelStudio
) -> None:
    steps: list[int] = []

    def note(progress: StageProgress) -> None:
        if progress.stage == "training":
            steps.append(progress.done)

    with pytest.raises(RunStoppedError):
        make(should_stop=lambda: True, report=note).run("first")
    server.annotate(server.add_task(), [])
    result = make(gate=NEVER, report=note).run("first")
    assert (result.outcome, result.version) == ("candidate", 1)
    assert steps == [1, *range(2, STEPS + 1)]
    assert folder.registry.find(1).facts.corrections == PICTURES
    assert folder.registry.champion() is None
    assert folder.state.last_result == f"candidate: {folder.registry.find(1).facts.reason}"


def test_while_another_process_trains_nothing_is_touched(make: MakeTrainer, folder: ProjectFolder) -> None:
    with TrainingFence(folder=folder.path), pytest.raises(FenceHeldError):
        make().run("second copy")
    assert not folder.runs.exists()


def test_too_few_corrections_are_told_and_not_tried_again_at_once(
    make: MakeTrainer, folder: ProjectFolder, server: PretendLabelStudio
) -> None:
    server.config = CONFIG.replace("zorb", "lamp").replace("quilm", "desk")
    result = make().run("first")
    assert result.outcome == "not enough"
    assert "correct more tasks" in folder.state.last_result
    assert folder.state.new_corrections == 0
