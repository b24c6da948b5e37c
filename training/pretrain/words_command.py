"""`python -m training.pretrain words …`: from the words of data sets to a packed text tower."""

import argparse
from pathlib import Path

from training.dataset_description import DatasetDescription
from training.pretrain.kept_features import KeptFeatures
from training.pretrain.lexicon import Lexicon, build_lexicon, trained_words
from training.pretrain.sentence_teacher import teacher_features
from training.pretrain.stage_command import add_run_options, chosen, run_and_pack
from training.pretrain.text import TextTraining
from training.pretrain.text_settings import TextSettings
from training.pretrain.text_targets import BARE, moved_features, own_features
from training.pretrain.word_recall import recall
from training.pretrain.wordnet import DEBIAN_FOLDER, WordNet
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.mini import load_mini

CHOICES = (
    *("steps", "levels", "pull", "rate", "token_rate", "seed", "others", "most_for_each"),
    *("related_each_step", "trained_each_step", "others_each_step", "glosses_each_step"),
)


def add_words_stage(stages: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the stage's options."""
    words = stages.add_parser(
        "words", help="text tower alone: other names and kinds of trained things, by WordNet"
    )
    words.add_argument(
        "--data", action="append", required=True, metavar="FOLDER", help="whose words are known"
    )
    words.add_argument("--wordnet", type=Path, default=DEBIAN_FOLDER, help="folder of data.noun")
    words.add_argument("--teacher", type=Path, help="folder of all-MiniLM-L6-v2 for sentence-transformers")
    words.add_argument("--centre", type=Path, help="words whose mean is the teacher's origin, one a line")
    words.add_argument("--withhold", type=Path, help="lemmas that training must not see, one a line")
    words.add_argument("--withhold-share", type=float, default=0.0, help="share of lemmas drawn for the same")
    add_run_options(words, TextSettings(), CHOICES)


def run_words_stage(options: argparse.Namespace) -> str:
    """Train the text tower, write its weights and card, return the lines that tell about them."""
    settings = chosen(options, TextSettings(), CHOICES)
    backbone = load_mini(Path(options.start), name="zegclip-mini", revision="start")
    descriptions = [DatasetDescription.load(folder) for folder in options.data]
    lexicon = build_lexicon(
        WordNet(options.wordnet),
        trained_words(descriptions),
        settings,
        withhold=_listed(options.withhold),
        withheld_share=options.withhold_share,
    )
    embed = own_features(backbone)
    if options.teacher:
        embed = teacher_features(
            options.teacher, centre=_listed(options.centre), templates=backbone.templates
        )
    kept = KeptFeatures(options.out, embed, source="teacher" if options.teacher else backbone.digest)
    words = [*lexicon.trained, *lexicon.related, *lexicon.withheld, *lexicon.others]
    own = kept.features(words, backbone.templates) | kept.features(lexicon.glosses, BARE)
    targets = own | moved_features(own, {**lexicon.related, **lexicon.withheld}, pull=settings.pull)
    before = _recalls(backbone, lexicon)
    training = TextTraining(backbone=backbone, lexicon=lexicon, targets=targets, settings=settings)
    recipe = {
        "name": "words",
        "what": "text tower alone: other names and kinds of trained things moved to them by WordNet",
        "data": [one.name for one in descriptions],
        "teacher": "all-MiniLM-L6-v2" if options.teacher else None,
        "lemmas": len(lexicon.related),
        "withheld": len(lexicon.withheld),
    }
    written = run_and_pack(training, options, settings, watched="distance", recipe=recipe)
    recalls = [
        f"{kind}: nearest to their trained word {before[kind]:.1f} % before, {after:.1f} % after"
        for kind, after in _recalls(backbone, lexicon).items()
    ]
    return "\n".join([written, *recalls])


def _recalls(backbone: Backbone, lexicon: Lexicon) -> dict[str, float]:
    embed = own_features(backbone)
    kinds = {"lemmas learned": lexicon.related, "lemmas withheld": lexicon.withheld}
    return {kind: recall(embed, lexicon.trained, lemmas) for kind, lemmas in kinds.items() if lemmas}


def _listed(path: Path | None) -> list[str]:
    lines = path.read_text("utf-8").splitlines() if path else []
    return [line.strip() for line in lines if line.strip()]
