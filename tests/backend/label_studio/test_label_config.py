from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import LabelConfig, Target, read_label_config
from backend.regions.registry import CONTROL_TAGS
from tests.backend.label_studio.configs import brush, view


def read(xml: str, extra_params: Any = None) -> LabelConfig:
    return read_label_config(xml, control_tags=CONTROL_TAGS, extra_params=extra_params)


def only(xml: str) -> Target:
    (target,) = read(xml).targets
    return target


def names(target: Target) -> list[str]:
    return [label.name for label in target.labels]


class TestTargets:
    def test_a_control_on_an_image(self) -> None:
        target = only(view(brush("Car", "Road", name="tag")))
        assert (target.from_name, target.to_name, target.control_type) == ("tag", "image", "brushlabels")
        assert target.data_key == "image"
        assert names(target) == ["Car", "Road"]

    def test_the_name_in_results_is_the_alias(self) -> None:
        target = only(view(brush('value="Road surface" alias="road"')))
        assert names(target) == ["road"]
        assert target.labels[0].prompts == ("Road surface",)

    def test_labels_may_lie_inside_views(self) -> None:
        nested = '<BrushLabels name="b" toName="image"><View><Label value="Car"/></View></BrushLabels>'
        assert names(only(view(nested))) == ["Car"]

    def test_tags_are_read_in_any_case(self) -> None:
        control = '<brushlabels name="b" toName="i"><Label value="a"/></brushlabels>'
        assert only(f'<View><image name="i" value="$i"/>{control}</View>').control_type == "brushlabels"

    def test_several_controls_each_paint(self) -> None:
        config = read(view(brush("Car", name="a"), brush("Road", name="b", tag="PolygonLabels")))
        assert [target.control_type for target in config.targets] == ["brushlabels", "polygonlabels"]

    def test_a_list_of_images_in_to_name_makes_a_target_for_each(self) -> None:
        xml = (
            '<View><Image name="left" value="$l"/><Image name="right" value="$r"/>'
            '<BrushLabels name="b" toName="left,right"><Label value="Car"/></BrushLabels></View>'
        )
        assert [(target.to_name, target.data_key) for target in read(xml).targets] == [
            ("left", "l"),
            ("right", "r"),
        ]

    def test_a_choice_for_several_images_is_made_for_the_first(self) -> None:
        xml = (
            '<View><Image name="left" value="$l"/><Image name="right" value="$r"/>'
            '<Choices name="c" toName="left,right"><Choice value="Car"/></Choices></View>'
        )
        assert only(xml).to_name == "left"

    def test_a_value_list_is_a_list_of_images(self) -> None:
        xml = '<View><Image name="image" valueList="$pages"/>' + brush("Car") + "</View>"
        target = only(xml)
        assert (target.is_list, target.data_key) == (True, "pages")

    def test_labels_of_the_task_are_awaited(self) -> None:
        target = only(view(brush(attributes='value="$labels"')))
        assert (target.labels_field, target.labels) == ("labels", ())

    def test_single_and_multiple_choices(self) -> None:
        def is_single(attributes: str) -> bool:
            return only(
                view(brush("Car", attributes=attributes, tag="Choices").replace("Label", "Choice"))
            ).single

        assert is_single("")
        assert is_single('choice="single"')
        assert not is_single('choice="multiple"')


class TestSplitForm:
    labels = brush("Car", tag="Labels", name="labels")

    def test_a_tool_takes_the_labels_of_the_tag_beside_it(self) -> None:
        target = only(view(self.labels, '<Polygon name="tool" toName="image"/>'))
        assert (target.from_name, target.labels_name, target.control_type) == ("tool", "labels", "polygon")
        assert names(target) == ["Car"]

    def test_of_several_tools_the_most_exact_is_used_and_the_others_told(self) -> None:
        config = read(
            view(self.labels, '<Rectangle name="box" toName="image"/><Polygon name="poly" toName="image"/>')
        )
        assert [target.from_name for target in config.targets] == ["poly"]
        assert any("box" in warning and "poly" in warning for warning in config.warnings)

    def test_a_skipped_tool_leaves_the_labels_to_the_next(self) -> None:
        tools = (
            '<Rectangle name="box" toName="image"/><Polygon name="poly" toName="image" model_skip="true"/>'
        )
        assert only(view(self.labels, tools)).from_name == "box"

    def test_settings_of_the_labels_tag_count_below_the_tool_s(self) -> None:
        labels = brush(
            "Car", tag="Labels", name="labels", attributes='model_min_area="5" model_max_regions="3"'
        )
        target = only(view(labels, '<Brush name="tool" toName="image" model_max_regions="9"/>'))
        assert (target.options.min_area, target.options.max_regions) == (5.0, 9)

    def test_a_tool_without_labels_is_told(self) -> None:
        config = read(view('<Brush name="tool" toName="image"/>'))
        assert config.targets == ()
        assert "no <Labels>" in config.warnings[0]

    def test_labels_without_a_tool_paint_nothing(self) -> None:
        config = read(view(self.labels))
        assert config.targets == ()
        assert "add one, such as <Brush>" in config.warnings[0]


class TestWarnings:
    @pytest.mark.parametrize(
        ("xml", "told"),
        [
            (view(brush("Car", "Car")), "'Car' is there 2 times"),
            (view(brush()), "has no labels"),
            (view(brush("Car", attributes='model_skip="true"')), "model_skip"),
            (view(brush("Car", attributes='model_output="x"')), "model_output='x'"),
            (view(brush("Car", attributes='model_background="Tree"')), "names no label of it: Tree"),
            (view(brush("Car").replace('toName="image"', 'toName="photo"')), 'toName="photo"'),
            (
                view('<Choices name="c" toName="image" perRegion="true"><Choice value="a"/></Choices>'),
                "perRegion",
            ),
            (
                view('<KeyPointLabels name="k" toName="image"><Label value="a"/></KeyPointLabels>'),
                "smart tools",
            ),
        ],
    )
    def test_what_is_not_understood_or_not_possible_is_told(self, xml: str, told: str) -> None:
        assert any(told in warning for warning in read(xml).warnings)

    @pytest.mark.parametrize("tag", ["Video", "Pdf", "HyperText", "Text", "Audio"])
    def test_other_objects_than_images_get_one_clear_sentence(self, tag: str) -> None:
        labels = '<Labels name="l" toName="o"><Label value="a"/></Labels>'
        config = read(f'<View><{tag} name="o" value="$o"/>{labels}</View>')
        assert config.targets == ()
        (warning,) = config.warnings
        assert f"<{tag}> cannot be painted" in warning
        assert "<BrushLabels>" in warning

    def test_one_wrong_setting_for_several_images_is_told_once(self) -> None:
        xml = (
            '<View><Image name="a" value="$a"/><Image name="b" value="$b"/>'
            '<BrushLabels name="t" toName="a,b" model_output="x"><Label value="Car"/></BrushLabels></View>'
        )
        assert len(read(xml).warnings) == 1


class TestExtraParams:
    def test_they_are_defaults_for_every_control(self) -> None:
        config = read(
            view(brush("Car", name="a"), brush("Car", name="b", attributes='model_min_area="9"')),
            {"model_min_area": 4, "unrelated": True},
        )
        assert [target.options.min_area for target in config.targets] == [4.0, 9.0]
        assert config.warnings == ()

    @pytest.mark.parametrize("given", ["min_area=4", [1, 2], 7, True])
    def test_what_is_no_object_is_told_and_ignored(self, given: object) -> None:
        config = read(view(brush("Car")), given)
        assert len(config.targets) == 1
        assert "extra_params" in config.warnings[0]


class TestTextPrompts:
    def test_a_text_field_named_after_a_prompt_is_one(self) -> None:
        (prompt,) = read(
            view(brush("Car"), '<TextArea name="prompt" toName="image" value="$words"/>')
        ).text_prompts
        assert (prompt.to_name, prompt.data_key) == ("image", "words")

    @pytest.mark.parametrize(
        "text_area",
        [
            '<TextArea name="caption" toName="image"/>',
            '<TextArea name="prompt" toName="image" perRegion="true"/>',
        ],
    )
    def test_captions_and_transcriptions_are_none(self, text_area: str) -> None:
        assert read(view(brush("Car"), text_area)).text_prompts == ()


class TestNamesOfAnyKind:
    @pytest.mark.parametrize(
        "name", ["🚗", 'the "big" one', "it's", "a, b", "<&>", "x" * 300, "日本語", " a  b "]
    )
    def test_a_label_keeps_its_name(self, name: str) -> None:
        assert names(only(view(brush(name))))[0] == name

    def test_five_hundred_labels(self) -> None:
        assert len(only(view(brush(*(f"label {number}" for number in range(500))))).labels) == 500


class TestHostileXml:
    entities = '<!DOCTYPE v [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><View>&b;</View>'
    outside = (
        '<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]><View><Text name="&x;" value="$t"/></View>'
    )

    @pytest.mark.parametrize(
        "xml", ["", "no xml", "<View>", "<View></Views>", entities, outside, "\x00", "<a" * 9]
    )
    def test_it_is_refused_with_a_reason(self, xml: str) -> None:
        with pytest.raises(LabelConfigError):
            read(xml)

    def test_a_very_deep_tree_is_refused_or_read(self) -> None:
        deep = "<View>" * 3000 + "</View>" * 3000
        with pytest.raises(LabelConfigError):
            read(deep)

    @settings(max_examples=60)
    @given(
        st.text(max_size=60)
        | st.lists(
            st.sampled_from(
                [
                    "<View>",
                    "</View>",
                    '<Image name="i" value="$i"/>',
                    "<BrushLabels",
                    ' name="b"',
                    ' toName="i"',
                    ">",
                    "/>",
                    '<Label value="a"/>',
                    "</BrushLabels>",
                    "<Labels>",
                    "&amp;",
                    "&x;",
                    "<!--",
                    "-->",
                    "{",
                ]
            ),
            max_size=25,
        ).map("".join)
    )
    def test_any_text_is_read_or_refused(self, xml: str) -> None:
        try:
            config = read(xml)
        except LabelConfigError:
            return
        assert config.targets or config.warnings
