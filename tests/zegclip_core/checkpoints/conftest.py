"""The embedded backbone, loaded once."""

import pytest

from tests.zegclip_core.checkpoints.trained import trained_model
from zegclip_core import ZegCLIP
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    return load_backbone(parse_notation("zegclip-mini"))


@pytest.fixture(scope="session")
def model(backbone: Backbone) -> ZegCLIP:
    return trained_model(backbone)
