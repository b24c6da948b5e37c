"""What a freshly trained model makes of a few photographs."""

from PIL import Image

from training.checkpoint_files import trained_sizes
from training.configuration import TrainingConfiguration
from training.dataset_description import DatasetDescription
from training.evaluation_report import draw_predictions
from training.words import recipe_templates
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.segmenter import Segmenter
from zegclip_core.text_bank import TextBank
from zegclip_core.zegclip.head import ZegCLIPHead
from zegclip_core.zegclip.model import ZegCLIP

_ROWS = 6


def draw_samples(
    model: ZegCLIP,
    *,
    backbone: Backbone,
    configuration: TrainingConfiguration,
    description: DatasetDescription,
) -> Image.Image:
    """Draw predictions for a few images of the split to score on, or else of the training split."""
    evaluation = configuration.evaluation
    looking = backbone.looking(trained_sizes(evaluation, backbone.size_multiple))
    head = ZegCLIPHead(model=model, backbone=looking, none_probability=evaluation.none_probability)
    segmenter = Segmenter(
        head=head,
        text_bank=TextBank(backbone=backbone, templates=recipe_templates(configuration.data, backbone)),
        model_version=backbone.model_version,
    )
    known = evaluation.split in description.splits
    split = evaluation.split if known else configuration.data.train_split
    return draw_predictions(
        segmenter,
        description,
        description.ids(split)[:_ROWS],
        settings=evaluation,
        words=configuration.data.words,
    )
