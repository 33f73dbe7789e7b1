"""The family of Hugging Face transformers: text networks by name."""

import logging
import re
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from graft.backbones import hub, weights
from graft.backbones.base import Backbone
from graft.backbones.evaluating import evaluating
from graft.backbones.packing import packed, spread
from graft.backbones.stages import partition
from graft.backbones.tokens import Tokenization
from graft.backbones.upper import NotCut
from graft.errors import ConfigError, GraftError

try:
    from transformers import AutoConfig, AutoModel, AutoTokenizer
    from transformers.utils import logging as transformers_log
except ImportError as error:
    raise GraftError("Text backbones need the extra `text`: pip install 'graft[text]'") from error

log = logging.getLogger(__name__)
transformers_log.disable_progress_bar()  # of reading a file, which takes a moment

_FEW, _MANY = 8, 64  # tokens by which it is seen whether padding changes anything
_TOLERANCE = 1e-4  # of the largest feature: above what rounding comes to in as many layers as there are
_BEHIND_THE_LAYERS = re.compile("final_|ln_f|norm")  # how names of what runs behind the last layer begin
# Networks that were put on encoders for pretraining or another task; a weights file may hold them too.
_HEADS = ("cls.", "classifier.", "lm_head.", "pooler.", "predictions.", "pre_classifier.", "qa_outputs.", "vocab_")


class PackageFolder(TypedDict):
    """A model's folder inside an installed Python package."""

    distribution: str
    folder: str
    sha256: str


class TransformersBackbone(Backbone):
    """Any text encoder of transformers, from tokens to one vector per text.

    Inputs are dictionaries of `input_ids` and `attention_mask`, int64 `(batch, tokens)`.

    Args:
        model: An id on the hub, or a folder with `config.json` and a tokenizer; not looked at where there is a package.
        weights: `hub`, `package`, `none` (random), a weights file or a run folder. `hub` also reads those in a folder.
        package: Where configuration, tokenizer and weights lie; `None`: where `model` says.
        pooling: `cls`, the first token's state, or `mean` over all tokens (Reimers & Gurevych, EMNLP 2019, section 3).
        max_length: Tokens that the network sees of a text; `None`: as many as it can.
        dropout: In all layers, in [0, 1); `None`: as the weights were trained.

    Raises:
        GraftError: The model is unknown, or its weights cannot be had or do not fit.
    """

    takes = str

    def __init__(
        self,
        model: str,
        weights: str,
        package: PackageFolder | None,
        pooling: str,
        max_length: int | None,
        dropout: float | None,
    ) -> None:
        super().__init__()
        folder = _folder(model, weights, package)
        config = _read(AutoConfig, folder)
        self.model = _network(config, dropout)
        _fill(self.model, weights, folder)
        self.num_features = int(config.hidden_size)
        self.stages = partition(self, _stage_names(self.model))
        self._pooling = pooling
        tokenizer = _read(AutoTokenizer, folder)
        self._tokenization = Tokenization(tokenizer, _length(max_length, config, tokenizer))

    def preprocess(self, train: bool) -> Tokenization:
        """Returns the tokenizer of the weights; the same for training."""
        return self._tokenization

    def rebuilding(self) -> dict[str, Any]:
        """Returns the library's own configuration, and how states become one vector."""
        config: Any = self.model.config
        return {"library": "transformers", "config": config.to_diff_dict(), "pooling": self._pooling}

    def architecture(self) -> str:
        """Returns modules and the library's own configuration, which may say more than they show."""
        config: Any = self.model.config
        return f"{self!r} {self._pooling} {config.to_json_string()}"

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Returns the pooled features `(batch, num_features)`."""
        states: Tensor = self.model(**inputs).last_hidden_state
        if self._pooling == "cls":
            return states[:, 0]
        mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(dim=1) / mask.sum(dim=1)

    def forward_to(self, stage: str, inputs: dict[str, Tensor]) -> Tensor:
        """Returns the states behind a stage, `(batch, tokens, …)`, of each text its own first, then zeros."""
        states = super().forward_to(stage, inputs)
        return states if stage == self.stages[-1].name else packed(states, inputs["attention_mask"])

    def enter(self, stage: str, example: dict[str, Tensor]) -> Tensor:
        """Makes `forward_from` possible behind a stage, see `Backbone`; also for states that were kept one by one."""
        try:
            states = super().enter(stage, example)
        except NotCut:
            raise
        except Exception as error:  # some networks cut texts at places of their own
            raise NotCut(f"behind {stage}: {error}") from error
        if states.shape[:2] != example["attention_mask"].shape:
            raise NotCut(f"behind {stage}: its states, {tuple(states.shape)}, are not those of single tokens")
        uneven = self._uneven(example)
        _, shorter = _one_by_one(uneven)
        with evaluating(self), torch.no_grad():  # not inference mode, whose tensors some networks keep for later
            try:
                kept = pad_sequence([self.forward_to(stage, text)[0] for text in _one_by_one(uneven)], batch_first=True)
                got = [self.forward_from(stage, kept, uneven), self.forward_from(stage, kept[1:], shorter)]
            except Exception as error:  # what lies below hands on more, made for as many tokens as the example has
                raise NotCut(f"behind {stage}: {error}") from error
            if not all(map(_close, got, [self(uneven), self(shorter)])):
                raise NotCut(f"behind {stage}: its states depend on how long the others of a batch are")
        return states

    def is_alike_in_any_batch(self, example: dict[str, Tensor]) -> bool:
        """Returns whether padding changes nothing: not so where tokens are mixed without a mask, as in FNet."""
        uneven = self._uneven(example)
        with evaluating(self), torch.no_grad():
            try:
                alone = torch.cat([self(text) for text in _one_by_one(uneven)])
                return _close(alone, self(uneven))
            except Exception as error:  # a network that takes some lengths only says so again when it is trained
                log.debug("%s does not take texts of odd lengths: %s", type(self.model).__name__, error)
                return False

    def _uneven(self, texts: dict[str, Tensor]) -> dict[str, Tensor]:
        """Some tokens of the longest text of a batch, and the first half of them, padded as the tokenizer does it."""
        ids = max((text["input_ids"][0] for text in _one_by_one(texts)), key=len)
        ids = ids.repeat(-(-_FEW // len(ids)))[: min(_MANY, self._tokenization.max_length)]
        return self._tokenization.collate([ids, ids[: len(ids) // 2 | 1]])  # an odd number: some take only even ones

    def forward_from(self, stage: str, activation: Tensor, inputs: Any = None) -> Tensor:
        """Returns the features of states as `forward_to` gives them, of which there may be more than tokens."""
        return super().forward_from(stage, spread(activation, inputs["attention_mask"]), inputs)


def _one_by_one(texts: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Each text of a batch as a batch of its own, without padding."""
    real = texts["attention_mask"].bool()
    return [{name: value[row][real[row]][None] for name, value in texts.items()} for row in range(len(real))]


def _close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= _TOLERANCE * other.abs().max())


def _folder(model: str, source: str, package: PackageFolder | None) -> Path:
    if package is not None:
        file = f"{package['folder']}/{hub.TENSORS[0]}"
        return weights.package_file(package["distribution"], file, package["sha256"]).parent
    if source == "package":
        raise ConfigError(f"backbone.weights=package, but no package with weights of {model} is known: set hub.")
    path = Path(model).expanduser()
    return path if path.is_dir() else hub.model_folder(model, with_tensors=source == "hub")


def _read(kind: Any, folder: Path) -> Any:
    """Reads a configuration or a tokenizer; without being told, transformers asks at the terminal whether to run code.

    Raises:
        GraftError: The folder wants code of its own to be run.
    """
    try:
        return kind.from_pretrained(folder, trust_remote_code=False)
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise GraftError(
            f"{folder} comes with code of its own, which Graft does not run: take a model that transformers itself"
            " knows, or write a backbone of your own (docs/extend.md)."
        ) from error


def _network(config: Any, dropout: float | None) -> nn.Module:
    for name, value in vars(config).items():
        if dropout is not None and "dropout" in name and isinstance(value, float):
            setattr(config, name, dropout)
    network: nn.Module = AutoModel.from_config(config)
    if getattr(network, "pooler", None) is not None:  # pooling is the backbone's own; this one's weights would idle
        network.pooler = None  # type: ignore[assignment]
    return network


def _fill(network: nn.Module, source: str, folder: Path) -> None:
    if source in ("none", weights.RESTORED):
        if source == "none":
            log.info("%s starts from random weights", type(network).__name__)
        return
    path = Path(source).expanduser()
    if source in ("hub", "package"):
        path = hub.tensors_in(folder) or folder / hub.TENSORS[0]
    if path.is_dir():
        tensors = {name.removeprefix("model."): value for name, value in weights.run_tensors(path).items()}
    elif path.is_file():
        tensors = weights.read_tensors(path)
    else:
        raise GraftError(
            f"backbone.weights={source} is neither hub, package nor none, nor a file or a run folder that exists."
        )
    own = network.state_dict()
    prefix = f"{network.base_model_prefix}."
    tensors = {name if name in own else name.removeprefix(prefix): value for name, value in tensors.items()}
    tensors.pop("embeddings.position_ids", None)  # 0, 1, 2 …: older versions of transformers saved it
    weights.load(network, tensors, str(path), head=_HEADS)


def _stage_names(network: nn.Module) -> list[list[str]]:
    """The embeddings, then each layer; what runs behind the last layer belongs to it."""
    lists = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.ModuleList)]
    layers, modules = max(lists, key=lambda item: sum(value.numel() for value in item[1].parameters()))
    stages: list[list[str]] = [[] for _ in range(len(modules) + 1)]
    for name, _ in network.named_parameters():
        if name.startswith(f"{layers}."):
            number = 1 + int(name.removeprefix(f"{layers}.").split(".")[0])
        else:
            number = len(modules) if _BEHIND_THE_LAYERS.match(name) else 0
        stages[number].append(f"model.{name}")
    return stages


def _length(wanted: int | None, config: Any, tokenizer: Any) -> int:
    most = min(
        tokenizer.model_max_length, getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    )
    if wanted is not None and not 2 < wanted <= most:
        raise ConfigError(f"backbone.max_length={wanted}: the network takes 3 to {most} tokens.")
    return int(wanted or most)
