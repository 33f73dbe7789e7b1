"""Adapters: few new parameters inside a frozen network, through the peft library."""

import copy
import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from graft.backbones import Backbone
from graft.backbones.stages import Stage, partition
from graft.errors import ConfigError, GraftError
from graft.strategies.selection import is_adapter

log = logging.getLogger(__name__)

_FILE = "adapter_model.safetensors"
_PREFIX = "base_model.model."  # where a PeftModel has the network that it wraps
# Others change their weights on the way, such as weight-standardised convolutions: merging would give another network.
_PLAIN = ("Linear", "Conv2d", "Conv2dSame")


class Adapter(ABC):
    """New parameters in layers of a backbone.

    Args:
        targets: A regular expression, searched in the names of the backbone's layers; `None`: all layers that can be
            adapted, which are the linear ones and the convolutions without groups.
    """

    def __init__(self, targets: str | None) -> None:
        self._targets = targets

    @abstractmethod
    def _config(self, peft: Any, layers: list[str]) -> Any:
        """Returns peft's configuration for the layers of these names."""

    def apply(self, backbone: Backbone) -> None:
        """Puts the new parameters into a backbone, each in the stage of the layer that it adapts.

        Raises:
            ConfigError: The targets match no layer, or one that cannot be adapted; or peft is not installed.
        """
        peft = _peft()
        stage_of = {id(value): number for number, stage in enumerate(backbone.stages) for value in _values(stage)}
        layers = _matched(backbone, self._targets)
        peft.inject_adapter_in_model(self._config(peft, layers), backbone)
        groups: list[list[str]] = [[] for _ in backbone.stages]
        parameters = dict(backbone.named_parameters())
        for name, value in parameters.items():
            base = value if id(value) in stage_of else parameters[_base_of(name)]
            groups[stage_of[id(base)]].append(name)
        backbone.stages = partition(backbone, groups)


class LoRA(Adapter):
    """W + (alpha / rank) B A, with B = 0 at the start (Hu et al., ICLR 2022); DoRA (Liu et al., ICML 2024).

    Args:
        rank: Of the product B A, at least 1.
        alpha: Its scale.
        dropout: Of what A takes in, in [0, 1).
        weight_decomposed: DoRA: the magnitude of each column of weights is learnt by itself.
        targets: See `Adapter`.
    """

    def __init__(self, rank: int, alpha: float, dropout: float, weight_decomposed: bool, targets: str | None) -> None:
        super().__init__(targets)
        if rank < 1:
            raise ConfigError(f"strategy.adapter.rank must be at least 1, got {rank}.")
        if not 0 <= dropout < 1:
            raise ConfigError(f"strategy.adapter.dropout must lie in [0, 1), got {dropout}: 1 would drop everything.")
        if alpha <= 0:
            raise ConfigError(f"strategy.adapter.alpha must be positive, got {alpha}.")
        self._options = {"r": rank, "lora_alpha": alpha, "lora_dropout": dropout, "use_dora": weight_decomposed}

    def _config(self, peft: Any, layers: list[str]) -> Any:
        return peft.LoraConfig(target_modules=layers, **self._options)


class IA3(Adapter):
    """Factors, 1 at the start, on what layers give out (Liu et al., NeurIPS 2022).

    Args:
        targets: See `Adapter`.
        feedforward: A regular expression likewise: of these layers, factors are on what they take in; `None`: of none.
    """

    def __init__(self, targets: str | None, feedforward: str | None) -> None:
        super().__init__(targets)
        self._feedforward = feedforward

    def _config(self, peft: Any, layers: list[str]) -> Any:
        try:
            inner = [name for name in layers if self._feedforward is not None and re.search(self._feedforward, name)]
        except re.error as error:
            raise ConfigError(
                f"strategy.adapter.feedforward={self._feedforward} is no regular expression: {error}."
            ) from error
        if self._feedforward is not None and not inner:
            raise ConfigError(
                f"strategy.adapter.feedforward={self._feedforward} matches none of the adapted layers:"
                f" {_listed(layers)}."
            )
        return peft.IA3Config(target_modules=layers, feedforward_modules=inner)


def merged(backbone: Backbone) -> dict[str, Tensor]:
    """Returns the tensors of the network without adapters that gives the same features, by its own names."""
    return without_adapters(backbone).state_dict()


def without_adapters(backbone: Backbone) -> Backbone:
    """Returns a copy with its adapters merged into its own layers, so that it gives the same features."""
    plain = copy.deepcopy(backbone)
    if getattr(backbone, "peft_config", None) is None:  # none was put in, and peft may not be installed
        return plain
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(plain.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(plain.get_submodule(parent), child, module.get_base_layer())
    return plain


def save_adapter(backbone: Backbone, head: nn.Module, folder: Path, alone: bool) -> None:
    """Writes what an adapter and a head have learnt, without the backbone: peft's own files, and `head.safetensors`.

    Beside them lies `backbone.safetensors`, the network with the adapter merged into it, for what knows no adapters.

    Args:
        backbone: With the adapter in it.
        head: Of the same task.
        folder: Made if need be.
        alone: Whether the backbone's own weights have stayed as they were; else the adapter by itself is of no use, and
            peft's files are not written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if alone:
        peft = _peft()
        backbone.peft_config["default"].save_pretrained(str(folder))  # type: ignore[index, union-attr]
        state = peft.get_peft_model_state_dict(backbone)
        save_file({f"{_PREFIX}{name}": value.contiguous() for name, value in state.items()}, folder / _FILE)
    else:
        log.info("the backbone's own weights have learnt too: of the adapter only the merged network is written")
    for name, tensors in (("head", head.state_dict()), ("backbone", merged(backbone))):
        save_file({key: value.clone().contiguous() for key, value in tensors.items()}, folder / f"{name}.safetensors")


def load_adapter(backbone: Backbone, head: nn.Module, folder: Path) -> None:
    """Puts a saved adapter and head into a fresh backbone to which the same adapter was applied, and a fresh head.

    Raises:
        GraftError: Files are missing, or belong to another adapter.
    """
    if not (folder / _FILE).is_file():
        raise GraftError(f"{folder} holds no {_FILE}: it is no adapter's folder.")
    state = {name.removeprefix(_PREFIX): value for name, value in load_file(folder / _FILE).items()}
    result = _peft().set_peft_model_state_dict(backbone, state)
    own = sum(is_adapter(name) for name, _ in backbone.named_parameters())
    if result.unexpected_keys or len(state) != own:
        raise GraftError(
            f"The adapter in {folder} has {len(state)} tensors, the backbone's has {own}: not the same one."
        )
    head.load_state_dict(load_file(folder / "head.safetensors"))


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise ConfigError("strategy.adapter needs the extra peft: pip install 'graft[peft]'.") from error
    return peft


def _matched(backbone: nn.Module, targets: str | None) -> list[str]:
    layers = {name: module for name, module in backbone.named_modules() if type(module).__name__ in _PLAIN}
    grouped = {name for name, module in layers.items() if getattr(module, "groups", 1) > 1}
    if targets is None:
        if layers.keys() == grouped:
            raise ConfigError(
                "strategy.adapter: the backbone has no layer that can be adapted: linear ones, or convolutions without"
                " groups that use their weights as they are. Take another backbone, or a strategy without adapter."
            )
        return [name for name in layers if name not in grouped]
    try:
        matched = [name for name in layers if re.search(targets, name)]
    except re.error as error:
        raise ConfigError(f"strategy.adapter.targets={targets} is no regular expression: {error}.") from error
    if not matched:
        raise ConfigError(
            f"strategy.adapter.targets={targets} matches no layer. Layers that can be adapted are"
            f" {_listed(name for name in layers if name not in grouped)}."
        )
    if wrong := [name for name in matched if name in grouped]:
        raise ConfigError(
            f"strategy.adapter.targets={targets} matches convolutions with groups, such as depthwise ones, which have"
            f" no low-rank form: {_listed(wrong)}. Set strategy.adapter.targets=null for all layers that have one."
        )
    return matched


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _base_of(name: str) -> str:
    """The name of the weights that a new parameter adapts."""
    return re.split(r"\.(?:lora_|ia3_)", name)[0] + ".base_layer.weight"


def _values(stage: Stage) -> Iterable[nn.Parameter]:
    return stage.parameters.values()
