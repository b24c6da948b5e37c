from typing import Any

import pytest

from backend.images.errors import ImageAddressError
from backend.label_studio.control_options import ControlOptions
from backend.label_studio.label_config import Target
from backend.task_data import TaskLabelsError, first_addresses, image_addresses, image_field, with_task_labels
from zegclip_core.labels import Label

CAT = Label("cat", ("cat",))


def target(data_key: str = "image", labels: tuple[Label, ...] = (CAT,), **more: Any) -> Target:
    return Target("brush", "image", "brushlabels", data_key, labels, ControlOptions(), **more)


class TestImages:
    def test_the_field_that_the_configuration_names(self) -> None:
        data = {"image": "/data/a.jpg", "other": "/data/b.jpg"}
        assert image_addresses(data, target()) == [(None, "/data/a.jpg")]

    def test_the_field_of_an_upload_without_names(self) -> None:
        assert image_addresses({"$undefined$": "/data/a.jpg", "x": "y"}, target()) == [(None, "/data/a.jpg")]

    def test_the_only_text_where_the_name_does_not_fit(self) -> None:
        assert image_addresses({"photo": "/data/a.jpg", "size": 7}, target()) == [(None, "/data/a.jpg")]

    def test_nothing_is_guessed_among_several(self) -> None:
        with pytest.raises(ImageAddressError, match=r"'image'.*has: a, b"):
            image_field({"a": "x", "b": "y"}, target())

    def test_an_address_in_the_configuration_itself(self) -> None:
        fixed = target("https://example.com/a.jpg")
        assert image_addresses({}, fixed) == [(None, "https://example.com/a.jpg")]

    def test_a_list_of_images_numbers_them(self) -> None:
        data = {"image": ["a.jpg", "b.jpg"]}
        assert image_addresses(data, target(is_list=True)) == [(0, "a.jpg"), (1, "b.jpg")]
        assert image_addresses({"image": "a.jpg"}, target(is_list=True)) == [(0, "a.jpg")]
        assert image_addresses({"image": []}, target(is_list=True)) == []

    @pytest.mark.parametrize("value", [None, 7, "", "  ", {"url": "a"}, ["a.jpg"], [["a.jpg"]]])
    def test_what_is_no_address_is_refused(self, value: Any) -> None:
        with pytest.raises(ImageAddressError, match="image"):
            image_addresses({"image": value}, target())

    @pytest.mark.parametrize("value", [["a.jpg", None], [{}], [["a.jpg"]], 7])
    def test_what_is_no_list_of_addresses_is_refused(self, value: Any) -> None:
        with pytest.raises(ImageAddressError):
            image_addresses({"image": value}, target(is_list=True))

    def test_the_first_image_of_every_target_once(self) -> None:
        task = {"data": {"image": "a.jpg", "pages": ["b.jpg", "c.jpg"]}}
        targets = [target(), target("pages", is_list=True), target()]
        assert first_addresses(task, targets) == ["a.jpg", "b.jpg"]

    @pytest.mark.parametrize("data", [None, 7, "text", {}, {"image": None}, {"image": {}}])
    def test_no_first_image_where_there_is_no_address(self, data: Any) -> None:
        assert first_addresses({"data": data}, [target()]) == []


class TestLabels:
    def test_labels_of_the_task_come_after_those_of_the_configuration(self) -> None:
        data = {"labels": [{"value": "Dog", "prompt": "puppy|dog"}, {"value": "cat"}]}
        found = with_task_labels(target(labels_field="labels"), data).labels
        assert [(label.name, label.prompts) for label in found] == [
            ("cat", ("cat",)),
            ("Dog", ("puppy", "dog")),
        ]

    @pytest.mark.parametrize("data", [{}, {"labels": []}, {"labels": "Dog"}, {"labels": [{}]}])
    def test_a_task_without_any_label_is_told_what_to_bring(self, data: dict[str, Any]) -> None:
        with pytest.raises(TaskLabelsError, match=r"'labels'.*\[\{"):
            with_task_labels(target(labels=(), labels_field="labels"), data)

    def test_other_targets_stay_as_they_are(self) -> None:
        plain = target()
        assert with_task_labels(plain, {"labels": ["Dog"]}) is plain
