"""The family of timm: image networks by name."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import timm
import torch
from timm.data import resolve_model_data_config
from timm.models._manipulate import group_parameters
from torch import Tensor, nn

from graft.backbones import hub, weights
from graft.backbones.base import Backbone
from graft.backbones.images import ImagePreprocessing
from graft.backbones.images import channels_last as to_channels_last
from graft.backbones.stages import partition
from graft.errors import ConfigError, GraftError, did_you_mean

log = logging.getLogger(__name__)


class Package(TypedDict):
    """Weights inside an installed Python package."""

    distribution: str
    file: str
    sha256: str


class TimmBackbone(Backbone):
    """Any image network of timm without its classifier.

    Args:
        model: A name of `timm.list_models()`.
        weights: `hub`, `package`, `none` (random), a weights file or a run folder.
        package: With `weights: package`, where they lie; the file's tensors are taken in order.
        drop_path_rate: Stochastic depth (Huang et al., ECCV 2016), in [0, 1).
        channels_last: Memory format of weights and inputs.
        image_size: Side of the input in pixels; `None`: as the weights were trained.
        crop_pct: Side of the centre crop over side of the resized image; `None`: likewise.
        interpolation: `None`: likewise.
        mean: Per channel, of images in [0, 1]; `None`: likewise.
        std: Per channel; `None`: likewise.

    Raises:
        GraftError: The model is unknown, or its weights cannot be had or do not fit.
    """

    takes = Tensor

    def __init__(
        self,
        model: str,
        weights: str,
        package: Package | None,
        drop_path_rate: float,
        channels_last: bool,
        image_size: int | None,
        crop_pct: float | None,
        interpolation: str | None,
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
    ) -> None:
        super().__init__()
        if not 0 <= drop_path_rate < 1:
            raise ConfigError(f"backbone.drop_path_rate must lie in [0, 1), got {drop_path_rate}: 1 drops every block.")
        options: dict[str, Any] = {"drop_path_rate": drop_path_rate} if drop_path_rate else {}
        if image_size is not None and _takes_image_size(model):
            options["img_size"] = image_size
        self.model = _pretrained(model, weights, package, options)
        self._origin = (model, weights, package, options)
        self.num_features = _width(self.model)
        self.stages = partition(self, _stage_names(self.model))
        self._channels_last = channels_last
        if channels_last:
            self.model.to(memory_format=torch.channels_last)
        trained = resolve_model_data_config(self.model)
        self._preprocessing = ImagePreprocessing(
            size=image_size or trained["input_size"][-1],
            crop_pct=trained["crop_pct"] if crop_pct is None else crop_pct,
            interpolation=interpolation or trained["interpolation"],
            mean=tuple(trained["mean"] if mean is None else mean),
            std=tuple(trained["std"] if std is None else std),
        )

    def undecayed(self) -> frozenset[str]:
        """Returns what timm says of the network: position embeddings and class tokens, of those that have them."""
        exempt = getattr(self.model, "no_weight_decay", set)
        return frozenset(f"model.{name}" for name in exempt())

    def source_head(self) -> nn.Module:
        """Returns the classifier that comes with the weights.

        Raises:
            GraftError: None does.
        """
        head: nn.Module = _with_head(*self._origin).get_classifier()  # type: ignore[operator] # likewise
        return head

    def rebuilding(self) -> dict[str, Any]:
        """Returns what `timm.create_model` takes."""
        model, _, _, options = self._origin
        return {"library": "timm", "model": model, "options": options}

    def preprocess(self, train: bool) -> ImagePreprocessing:
        """Returns the transform of the weights, with the overrides; the same for training."""
        return self._preprocessing

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns the pooled features `(batch, num_features)` of images `(batch, channels, height, width)`."""
        features: Tensor = self.model(to_channels_last(inputs) if self._channels_last else inputs)
        return features

    def forward_from(self, stage: str, activation: Tensor, inputs: Any = None) -> Tensor:
        """Returns the features, see `Backbone.forward_from`."""
        return super().forward_from(stage, to_channels_last(activation) if self._channels_last else activation, inputs)


def _with_head(model: str, source: str, package: Package | None, options: dict[str, Any]) -> nn.Module:
    """The network with the classifier that comes with its weights."""
    if source == "hub":
        return _create(model, options, num_classes=None, file=hub.weights_file(_known(model)))
    if source == "package" and package is not None:
        network = _create(model, options, num_classes=None)
        named = weights.in_order(
            network, weights.read_tensors(weights.package_file(**package)), package["distribution"]
        )
        weights.load(network, named, package["distribution"])
        return network
    path = Path(source).expanduser()
    tensors = weights.read_tensors(path) if path.is_file() else {}
    head = tensors.get(f"{_classifiers(_create(model, options, num_classes=0))[0]}.weight")
    if head is None:
        raise GraftError(f"backbone.weights={source} come without the head that they were pretrained with.")
    network = _create(model, options, num_classes=len(head))
    weights.load(network, tensors, source)
    return network


def _pretrained(model: str, source: str, package: Package | None, options: dict[str, Any]) -> nn.Module:
    if source == "package":
        if package is None:
            raise ConfigError(f"backbone.weights=package, but no package with weights of {model} is known: set hub.")
        path = weights.package_file(**package)
        complete = _create(model, options, num_classes=None)
        named = weights.in_order(complete, weights.read_tensors(path), package["distribution"])
        return _filled(model, named, f"package {package['distribution']}", options)
    if source == "hub":
        return _create(model, options, num_classes=0, file=hub.weights_file(_known(model)))
    if source in ("none", weights.RESTORED):
        if source == "none":
            log.info("%s starts from random weights", model)
        return _create(model, options, num_classes=0)
    path = Path(source).expanduser()
    if path.is_dir():
        tensors = {name.removeprefix("model."): value for name, value in weights.run_tensors(path).items()}
        return _filled(model, tensors, str(path), options)
    if not path.is_file():
        raise GraftError(
            f"backbone.weights={source} is neither hub, package nor none, nor a file or a run folder that exists."
        )
    return _filled(model, weights.read_tensors(path), str(path), options)


def _filled(model: str, tensors: dict[str, Tensor], source: str, options: dict[str, Any]) -> nn.Module:
    network = _create(model, options, num_classes=0)
    weights.load(network, tensors, source, head=tuple(f"{name}." for name in _classifiers(network)))
    return network


def _classifiers(network: nn.Module) -> tuple[str, ...]:
    named: Any = network.default_cfg.get("classifier") or ()  # type: ignore[union-attr, operator] # timm types none of its networks
    return (named,) if isinstance(named, str) else tuple(named)


def _create(model: str, options: dict[str, Any], num_classes: int | None, file: Path | None = None) -> nn.Module:
    if num_classes is not None:
        options = {**options, "num_classes": num_classes}
    if file is not None:
        options = {**options, "pretrained": True, "pretrained_cfg_overlay": {"file": str(file)}}
    try:
        network: nn.Module = timm.create_model(_known(model), **options)
    except TypeError as error:
        raise ConfigError(f"{model} does not take one of {', '.join(options)}: {error}") from error
    return network


def _known(model: str) -> str:
    names = timm.list_models()
    if model.split(".")[0] not in names:
        raise ConfigError(
            f"backbone.model={model} is no model of timm.{did_you_mean(model, names)}"
            " All names: python -c 'import timm; print(*timm.list_models(), sep=\"\\n\")'"
        )
    return model


def _takes_image_size(model: str) -> bool:
    """Whether the network has to be told its input's size when it is made (position embeddings, windows)."""
    return bool(timm.get_pretrained_cfg_value(_known(model), "fixed_input_size"))


def _width(network: nn.Module) -> int:
    """What comes out without a classifier; in a few families wider than `num_features`, the last feature map's."""
    width: Any = getattr(network, "head_hidden_size", None) or network.num_features
    return int(width)


def _stage_names(network: nn.Module) -> list[list[str]]:
    if not hasattr(network, "group_matcher"):
        raise ConfigError(
            f"backbone.model: timm does not say of {type(network).__name__} which layers make up its stages, so that no"
            " strategy can tell them apart: choose another model."
        )
    matcher = network.group_matcher(coarse=True)  # type: ignore[operator] # likewise
    groups: dict[int, list[str]] = group_parameters(network, matcher)
    return [[f"model.{name}" for name in groups[number]] for number in sorted(groups)]
