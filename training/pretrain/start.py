"""The start of an image tower, in closed form: no gradient, one pass over the photographs.

A classifier for ImageNet becomes the stem. A linear map takes its features to the space of words: towards
what the classifier guesses, as words (ConSE; Norouzi et al., ICLR 2014), everywhere, and towards the words of
masks where there are any. The transformer blocks add nothing until they are trained.
"""

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.pretrain.classifier import Classifier
from training.pretrain.imagenet import everyday_word, imagenet_classes, kinds_of
from training.pretrain.ridge import LowRankMap
from training.pretrain.start_settings import StartSettings
from training.pretrain.start_sums import ClassWords
from training.pretrain.text_targets import own_features
from training.pretrain.wordnet import WordNet
from zegclip_core.backbones.backbone import Backbone


def class_words(
    backbone: Backbone, wordnet: WordNet, settings: StartSettings, *, withheld: Collection[str]
) -> ClassWords:
    """Return what ImageNet's classes mean: their own names, and the everyday words above them.

    Args:
        backbone: knows the words.
        wordnet: knows what stands above them.
        settings: how much the word above counts.
        withheld: words whose classes, and kinds of them, shall not be guessed.

    """
    classes = imagenet_classes()
    above = [
        everyday_word(wordnet, one.synset, levels=settings.levels, least_uses=settings.least_uses)
        for one in classes
    ]
    names = [one.name for one in classes]
    words = list(dict.fromkeys([*names, *(word for word in above if word)]))
    features = dict(zip(words, own_features(backbone)(words, backbone.templates), strict=True))
    nothing = torch.zeros(backbone.embed_dim)
    kinds = torch.stack([features[word] if word else nothing for word in above])
    own = torch.stack([features[name] for name in names])
    hidden = kinds_of(wordnet, classes, withheld, levels=settings.levels)
    return ClassWords(
        features=F.normalize(own + settings.kind_weight * kinds, dim=1),
        withheld=torch.tensor([place in hidden for place in range(len(classes))]),
    )


def set_start(visual: nn.Module, classifier: Classifier, mapped: LowRankMap, *, seed: int) -> None:
    """Make an image tower compute the map of the classifier's features, in place.

    The map's intermediate values are the tokens, its bias is every position, and the transformer's blocks,
    random otherwise, add nothing.
    """
    torch.manual_seed(seed)
    state = visual.state_dict()
    for name, tensor in state.items():
        state[name] = _started(name, tensor)
    state |= {f"conv1.stem.{name}": tensor for name, tensor in classifier.trunk.state_dict().items()}
    state["conv1.embed.weight"] = mapped.down.T[:, :, None, None]
    state["positional_embedding"] = mapped.bias.expand_as(state["positional_embedding"]).clone()
    state["proj"] = mapped.up
    visual.load_state_dict(state)


def _started(name: str, tensor: Tensor) -> Tensor:
    """A block's tensor before training."""
    _, _, last = name.rpartition(".")
    if "ln_" in name:
        return torch.ones_like(tensor) if last == "weight" else torch.zeros_like(tensor)
    adds = "out_proj" in name or "c_proj" in name
    if adds or name == "class_embedding" or "bias" in last:
        return torch.zeros_like(tensor)
    return torch.empty_like(tensor).normal_(std=tensor.shape[-1] ** -0.5)
