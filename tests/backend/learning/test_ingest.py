"""Samples follow what is true in Label Studio, however it came about."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from backend.event_log import EventLog
from backend.events import Event
from backend.label_studio.errors import LabelStudioUnreachableError
from backend.learning.ingest import Ingest, ProjectGoneError
from backend.learning.project_folder import ProjectFolder
from backend.learning.sample_store import SampleStore
from tests.backend.learning.pretend import (
    HEIGHT,
    KEY,
    WIDTH,
    PretendLabelStudio,
    brush,
    columns_of,
    image_source,
)

Several = Callable[..., Ingest]


@pytest.fixture
def server() -> PretendLabelStudio:
    return PretendLabelStudio()


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(root=tmp_path / "learning", key=KEY)


@pytest.fixture
def store(folder: ProjectFolder) -> SampleStore:
    return SampleStore(files=folder.samples)


@pytest.fixture
def ingest(server: PretendLabelStudio, folder: ProjectFolder, tmp_path: Path) -> Ingest:
    return Ingest(client=server.client, images=image_source(tmp_path), folder=folder)


def test_a_correction_becomes_a_sample_with_its_labels_by_name(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    task = server.add_task()
    annotation = server.annotate(task, [brush("a", "sofa", (0, 5))], lead_time=12.5)
    report = ingest.run()
    [sample] = store.samples()
    assert (report.read, report.samples, report.problems) == (1, 1, ())
    assert (sample.task, sample.annotations, sample.lead_time) == (task, (annotation,), 12.5)
    assert (sample.width, sample.height) == (WIDTH, HEIGHT)
    assert columns_of(store.read_mask(sample.mask), sample.labels)[:6] == ["sofa"] * 5 + [""]
    assert store.read_image(sample.image).shape == (HEIGHT, WIDTH, 3)


def test_only_what_changed_is_read_again(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    tasks = [server.add_task() for _ in range(3)]
    first = [server.annotate(task, [brush("a", "cat", (0, 3))]) for task in tasks]
    ingest.run()
    server.full_reads.clear()
    assert ingest.run().read == 0
    server.change(tasks[1], first[1], result=[brush("a", "cat", (0, 9))])
    assert ingest.run().read == 1
    assert server.full_reads == [tasks[1]]


def test_a_skipped_task_and_a_draftless_one_are_no_samples(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    server.add_task()
    server.annotate(server.add_task(), [], was_cancelled=True)
    ingest.run()
    assert store.samples() == []


def test_an_empty_annotation_is_a_sample_without_labels(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    server.annotate(server.add_task(), [])
    ingest.run()
    [sample] = store.samples()
    assert sample.labels == ()
    assert not store.read_mask(sample.mask).any()


def test_deleting_the_annotation_or_the_task_removes_the_sample_and_its_files(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore, folder: ProjectFolder
) -> None:
    first, second = server.add_task(), server.add_task()
    annotation = server.annotate(first, [brush("a", "cat", (0, 3))])
    server.annotate(second, [brush("a", "cat", (0, 4))])
    ingest.run()
    server.delete(first, annotation)
    del server.tasks[second]
    assert ingest.run().removed == 2
    assert store.samples() == []
    assert folder.samples.names("objects") == []


def test_what_the_annotator_did_with_the_prediction_is_kept(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    task = server.add_task()
    predicted = [brush("k", "cat", (0, 4)), brush("c", "sofa", (4, 8)), brush("d", "cat", (20, 24))]
    prediction = server.predict(task, predicted, version="project-7-v3")
    corrected = [predicted[0], brush("c", "sofa", (4, 10)), brush("n", "cat", (12, 14))]
    server.annotate(task, corrected, parent_prediction=prediction)
    ingest.run()
    [sample] = store.samples()
    assert sample.model_version == "project-7-v3"
    assert sample.regions is not None
    assert sample.pixels is not None
    assert (sample.regions.kept, sample.regions.changed) == (1, 1)
    assert (sample.regions.added, sample.regions.deleted) == (1, 1)
    assert sample.pixels.changed == (2 + 2 + 4) * HEIGHT
    assert sample.pixels.overlaps["sofa"] == (4 * HEIGHT, 6 * HEIGHT)
    assert sample.pixels.overlaps["cat"] == (4 * HEIGHT, 10 * HEIGHT)


def test_a_newer_prediction_does_not_change_the_correction(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    task = server.add_task()
    server.annotate(task, [brush("a", "sofa", (0, 5))])
    ingest.run()
    before = store.samples()[0].mask
    server.predict(task, [brush("b", "cat", (0, 9))])
    ingest.run()
    assert store.samples()[0].mask == before


def test_the_prediction_s_part_stays_known_after_it_was_deleted(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    task = server.add_task()
    server.predict(task, [brush("a", "cat", (0, 4))], version="v9")
    server.annotate(task, [brush("a", "sofa", (0, 4))])
    ingest.run()
    before = store.samples()
    server.forget_predictions(task)
    assert ingest.run().read == 1
    assert store.samples() == before


def test_the_same_region_under_another_label_is_another_correction(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    task = server.add_task()
    first = server.annotate(task, [brush("a", "cat", (0, 3))])
    ingest.run()
    server.change(task, first, result=[brush("a", "sofa", (0, 3))])
    ingest.run()
    (sample,) = store.samples()
    assert sample.labels == ("sofa",)


def test_several_annotators_ground_truth_first(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    task = server.add_task()
    truth = server.annotate(task, [brush("a", "cat", (0, 2))], ground_truth=True)
    server.annotate(task, [brush("a", "sofa", (0, 9))])
    ingest.run()
    assert store.samples()[0].annotations == (truth,)


def test_several_annotators_newest_or_majority(
    server: PretendLabelStudio, folder: ProjectFolder, store: SampleStore, tmp_path: Path
) -> None:
    task = server.add_task()
    for label, end in (("cat", 6), ("cat", 4), ("sofa", 9)):
        server.annotate(task, [brush("a", label, (0, end))])
    Ingest(client=server.client, images=image_source(tmp_path), folder=folder, several="majority").run()
    [sample] = store.samples()
    seen = columns_of(store.read_mask(sample.mask), sample.labels)
    # Columns 4 and 5 got three different answers: the newest annotator's counts.
    assert seen[:10] == ["cat"] * 4 + ["sofa"] * 2 + [""] * 4
    assert len(sample.annotations) == 3


def test_a_list_of_images_gives_a_sample_for_each(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    address = server.tasks[server.add_task()]["data"]["image"]
    server.config = server.config.replace('value="$image"', 'valueList="$image"')
    task = server.add_task(data={"image": [address, address]})
    server.annotate(
        task,
        [brush("a", "cat", (0, 3), item_index=0), brush("b", "sofa", (0, 4), item_index=1)],
    )
    ingest.run()
    shown = [columns_of(store.read_mask(one.mask), one.labels)[:5] for one in store.samples()]
    assert shown == [["cat"] * 3 + [""] * 2, ["sofa"] * 4 + [""]]


def test_a_broken_region_is_a_problem_and_the_others_count(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    broken = brush("x", "cat", (0, 3))
    broken["value"]["rle"] = [1, 2, 3]
    server.annotate(server.add_task(), [broken, brush("a", "sofa", (0, 5))])
    [problem] = ingest.run().problems
    assert "region x" in problem
    assert columns_of(store.read_mask(store.samples()[0].mask), store.samples()[0].labels)[0] == "sofa"


def test_an_image_that_cannot_be_read_is_told_and_does_not_stop_the_others(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    server.annotate(
        server.add_task(data={"image": "data:image/png;base64,AAAA"}), [brush("a", "cat", (0, 3))]
    )
    good = server.add_task()
    server.annotate(good, [brush("a", "cat", (0, 3))])
    assert len(ingest.run().problems) == 1
    assert [sample.task for sample in store.samples()] == [good]


def test_while_label_studio_is_away_nothing_is_lost_and_the_rest_follows(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(30):
        server.annotate(server.add_task(), [brush("a", "cat", (0, 3))])
    answer, calls = server.call, []

    def away_after_two(*arguments: str, **options: object) -> object:
        calls.append(arguments)
        if len(calls) > 2:
            raise LabelStudioUnreachableError("away")
        return answer(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(server, "call", away_after_two)
        with pytest.raises(LabelStudioUnreachableError):
            ingest.run()
    stored = len(store.samples())
    assert 0 < stored < 30
    assert ingest.run().read == 30 - stored
    assert len(store.samples()) == 30


def test_a_deleted_project_keeps_its_samples_and_says_so(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore, folder: ProjectFolder
) -> None:
    server.annotate(server.add_task(), [brush("a", "cat", (0, 3))])
    ingest.run()
    server.deleted = True
    with pytest.raises(ProjectGoneError, match="deleted"):
        ingest.run()
    assert folder.state.gone
    assert len(store.samples()) == 1


def test_another_server_with_the_same_project_number_is_not_mixed_in(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    server.annotate(server.add_task(), [brush("a", "cat", (0, 3))])
    server.created_at = "2026-10-02T08:00:00Z"
    with pytest.raises(ProjectGoneError, match="not mixed"):
        ingest.run()
    assert store.samples() == []


def test_a_server_that_moved_to_another_address_goes_on(
    server: PretendLabelStudio, ingest: Ingest, store: SampleStore
) -> None:
    server.annotate(server.add_task(), [brush("a", "cat", (0, 3))])
    ingest.run()
    server.origin.url = "http://elsewhere.test"
    assert ingest.run().read == 0
    assert len(store.samples()) == 1


class Histories(RuleBasedStateMachine):
    """Any history of annotators, with webhooks lost, doubled and late, ends in the samples of the truth."""

    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self._folder.name)
        self.server = PretendLabelStudio()
        self.folder = ProjectFolder(root=root / "learning", key=KEY)
        self.log = EventLog(path=root / "events.sqlite3")
        self.unsent: list[Event] = []
        self.truth: dict[int, dict[int, tuple[str, int]]] = {}
        self.ingest = Ingest(client=self.server.client, images=image_source(root), folder=self.folder)

    def teardown(self) -> None:
        self.log.close()
        self._folder.cleanup()

    def _happened(self, action: str, annotation: int) -> None:
        version = f"{len(self.unsent)}"
        self.unsent.append(Event(action, "7", f"annotation:{annotation}", version, {}))

    @rule(target=tasks)
    def import_task(self) -> int:
        task = self.server.add_task()
        self.truth[task] = {}
        return task

    @rule(task=tasks, label=st.sampled_from(["cat", "sofa"]), end=st.integers(1, WIDTH))
    def submit(self, task: int, label: str, end: int) -> None:
        if task in self.truth:
            number = self.server.annotate(task, [brush("a", label, (0, end))])
            self.truth[task][number] = (label, end)
            self._happened("ANNOTATION_CREATED", number)

    @rule(task=tasks)
    def skip(self, task: int) -> None:
        if task in self.truth:
            self._happened("ANNOTATION_CREATED", self.server.annotate(task, [], was_cancelled=True))

    @rule(task=tasks, label=st.sampled_from(["cat", "sofa"]), end=st.integers(1, WIDTH), data=st.data())
    def change(self, task: int, label: str, end: int, data: st.DataObject) -> None:
        if self.truth.get(task):
            number = data.draw(st.sampled_from(sorted(self.truth[task])))
            self.server.change(task, number, result=[brush("a", label, (0, end))])
            # The annotation that changed last is the newest one.
            del self.truth[task][number]
            self.truth[task][number] = (label, end)
            self._happened("ANNOTATION_UPDATED", number)

    @rule(task=tasks, data=st.data())
    def delete(self, task: int, data: st.DataObject) -> None:
        if self.truth.get(task):
            number = data.draw(st.sampled_from(sorted(self.truth[task])))
            self.server.delete(task, number)
            del self.truth[task][number]
            self._happened("ANNOTATIONS_DELETED", number)

    @rule(task=consumes(tasks))
    def delete_task(self, task: int) -> None:
        self.server.tasks.pop(task, None)
        self.truth.pop(task, None)

    @precondition(lambda self: self.unsent)
    @rule(random=st.randoms(use_true_random=False), copies=st.integers(0, 3))
    def webhooks_arrive(self, random: object, copies: int) -> None:
        event = random.choice(self.unsent)  # type: ignore[attr-defined]
        if copies:
            self.log.record([event] * copies)

    @rule()
    def ingest_runs(self) -> None:
        events = self.log.after(0, limit=100_000)
        self.ingest.run(events_read=events[-1][0] if events else 0)
        store = SampleStore(files=self.folder.samples)
        found = {}
        for sample in store.samples():
            shown = columns_of(store.read_mask(sample.mask), sample.labels)
            found[sample.task] = (shown[0], sum(1 for name in shown if name))
        assert found == {
            task: list(annotations.values())[-1] for task, annotations in self.truth.items() if annotations
        }

    @invariant()
    def numbers_of_events_never_fall(self) -> None:
        assert self.folder.state.events_read >= 0


Histories.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistories = Histories.TestCase
