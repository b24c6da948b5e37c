"""From measured pairs of known words to sentences about a project's labels."""

from zegclip_core.expected_mistakes import Meaning, expected_mistakes, mistake_warnings
from zegclip_core.labels import Label
from zegclip_core.measured_confusion import ConfusionTable, MeasuredPair

SHEEP = Label("sheep", ("sheep",))
COW = Label("cow", ("cow",))


def pair(word: str, taken_for: str, percent: float, images: int = 6, data: str = "COCO val") -> MeasuredPair:
    return MeasuredPair(word=word, taken_for=taken_for, percent=percent, data=data, images=images)


def table(*pairs: MeasuredPair) -> ConfusionTable:
    words = tuple({word for one in pairs for word in (one.word, one.taken_for)})
    return ConfusionTable(model_version="mini@3", sha256="ab", words=words, pairs=pairs)


def themselves(*labels: Label) -> dict[str, list[Meaning]]:
    return {label.name: [Meaning(word, word) for word in label.prompts] for label in labels}


def test_a_measured_pair_of_the_labels_is_told_with_its_source() -> None:
    told = expected_mistakes([COW, SHEEP], themselves(COW, SHEEP), table(pair("sheep", "cow", 18.2)))
    assert mistake_warnings(told) == [
        "measured: 18 % of the pixels of 'sheep' are painted 'cow' (COCO val, 6 photographs)"
    ]


def test_a_word_that_stands_for_another_is_said_to_do_so() -> None:
    lamb = Label("lamb", ("lamb",))
    meanings = themselves(COW) | {"lamb": [Meaning("lamb", "sheep")]}
    [told] = expected_mistakes([lamb, COW], meanings, table(pair("sheep", "cow", 18.2, images=1)))
    assert (told.label, told.taken_for) == ("lamb", "cow")
    assert told.sentence().endswith("(COCO val, 1 photograph); 'lamb' is nearly 'sheep' to the model")


def test_pairs_with_a_word_that_is_no_label_are_not_told() -> None:
    measured = table(pair("sheep", "horse", 50), pair("horse", "cow", 40))
    assert expected_mistakes([COW, SHEEP], themselves(COW, SHEEP), measured) == ()


def test_the_largest_share_comes_first_and_each_pair_once() -> None:
    measured = table(
        pair("cow", "sheep", 6, images=3),
        pair("sheep", "cow", 9, images=2, data="VOC val"),
        pair("sheep", "cow", 8, images=7),
    )
    told = expected_mistakes([COW, SHEEP], themselves(COW, SHEEP), measured)
    assert [(one.label, one.measured.percent) for one in told] == [("sheep", 8), ("cow", 6)]


def test_the_very_word_counts_before_one_that_is_nearly_it() -> None:
    farm = Label("farm animal", ("lamb", "sheep"))
    meanings = themselves(COW) | {"farm animal": [Meaning("lamb", "goat"), Meaning("Sheep", "sheep")]}
    measured = table(pair("goat", "cow", 30, images=50), pair("sheep", "cow", 8))
    [told] = expected_mistakes([farm, COW], meanings, measured)
    assert told.measured.word == "sheep"
    assert "nearly" not in told.sentence()


def test_words_of_one_label_are_no_mistake_for_each_other() -> None:
    both = Label("animal", ("sheep", "cow"))
    assert expected_mistakes([both], themselves(both), table(pair("sheep", "cow", 18))) == ()


def test_what_is_not_painted_is_no_mistake() -> None:
    ground = Label("cow", ("cow",), is_background=True)
    measured = table(pair("sheep", "cow", 18), pair("cow", "sheep", 12))
    [told] = expected_mistakes([ground, SHEEP], themselves(ground, SHEEP), measured)
    assert (told.label, told.taken_for) == ("cow", "sheep")


def test_a_long_list_is_cut_and_says_so() -> None:
    labels = [Label(f"word {number}", (f"word {number}",)) for number in range(5)]
    measured = table(*(pair(labels[n].name, labels[n + 1].name, 10 + n) for n in range(4)))
    told = mistake_warnings(expected_mistakes(labels, themselves(*labels), measured), most=3)
    assert len(told) == 4
    assert told[-1].startswith("1 more pairs")
