"""What the configuration may hold: the keys and types of everything that Graft owns, as dataclasses.

The YAML files hold the values and say what each key means; here is what they are checked against. A node is known by
its `_target_`, so that a file of a user's own with a `_target_` of Graft's is checked as Graft's files are. The targets
themselves are never imported. A field with a default may be absent from the YAML; any other must be there.
"""

from graft.config.schema.backbones import TimmBackbone, TransformersBackbone
from graft.config.schema.callbacks import (
    Checkpoint,
    EarlyStopping,
    LearningRateMonitor,
    MovingAverage,
    Newest,
    RichProgressBar,
    WiseFT,
)
from graft.config.schema.commands import COMMANDS
from graft.config.schema.data import (
    ELPV,
    HuggingFace,
    ImageFolder,
    OnBatches,
    Sentiment,
    Streaming,
    TableFile,
    Torchvision,
)
from graft.config.schema.kinds import Node, Range
from graft.config.schema.learning import (
    IA3,
    L2SP,
    Constant,
    Cosine,
    LogisticRegression,
    LoRA,
    Memory,
    NearestNeighbours,
    OneCycle,
    Plateau,
    Step,
    Strategy,
    Triangular,
)
from graft.config.schema.loggers import TensorboardLogger, TrackioLogger, WandbLogger
from graft.config.schema.sweeps import Sweeper
from graft.config.schema.tasks import Classification, CrossEntropyLoss, FocalLoss, Head, MacroMetric, Supervised
from graft.config.schema.trainer import ShardedStages, Trainer

__all__ = ["COMMANDS", "HYDRA_KEYS", "TARGETS", "Node", "Range"]

TARGETS: dict[str, type] = {
    "graft.backbones.TimmBackbone": TimmBackbone,
    "graft.backbones.transformers.TransformersBackbone": TransformersBackbone,
    "graft.data.ELPV": ELPV,
    "graft.data.HuggingFace": HuggingFace,
    "graft.data.ImageFolder": ImageFolder,
    "graft.data.ImageTable": TableFile,
    "graft.data.OnBatches": OnBatches,
    "graft.data.Sentiment": Sentiment,
    "graft.data.Streaming": Streaming,
    "graft.data.TextTable": TableFile,
    "graft.data.Torchvision": Torchvision,
    "graft.runs.loggers.tensorboard_logger": TensorboardLogger,
    "graft.runs.loggers.trackio_logger": TrackioLogger,
    "graft.runs.loggers.wandb_logger": WandbLogger,
    "graft.runs.checkpoints.Checkpoint": Checkpoint,
    "graft.runs.checkpoints.Newest": Newest,
    "graft.runs.progress.ProgressBar": RichProgressBar,
    "graft.strategies.Strategy": Strategy,
    "graft.strategies.averaging.MovingAverage": MovingAverage,
    "graft.strategies.adapters.IA3": IA3,
    "graft.strategies.adapters.LoRA": LoRA,
    "graft.strategies.interpolation.WiseFT": WiseFT,
    "graft.strategies.penalties.L2SP": L2SP,
    "graft.strategies.solvers.LogisticRegression": LogisticRegression,
    "graft.strategies.solvers.Memory": Memory,
    "graft.strategies.schedules.one_cycle": OneCycle,
    "graft.strategies.schedules.step": Step,
    "graft.strategies.schedules.triangular": Triangular,
    "graft.strategies.schedules.constant": Constant,
    "graft.strategies.schedules.cosine": Cosine,
    "graft.strategies.schedules.plateau": Plateau,
    "graft.strategies.sharding.ShardedStages": ShardedStages,
    "hydra_plugins.graft_sweeper.GraftSweeper": Sweeper,
    "graft.tasks.Classification": Classification,
    "graft.tasks.MultiLabel": Supervised,
    "graft.tasks.Regression": Supervised,
    "graft.tasks.FocalLoss": FocalLoss,
    "torch.nn.CrossEntropyLoss": CrossEntropyLoss,
    "graft.tasks.Head": Head,
    "graft.tasks.macro.BalancedAccuracy": MacroMetric,
    "graft.tasks.macro.MulticlassMacroAUROC": MacroMetric,
    "graft.tasks.macro.MulticlassMacroAveragePrecision": MacroMetric,
    "graft.tasks.macro.MultilabelMacroAUROC": MacroMetric,
    "graft.tasks.macro.MultilabelMacroAveragePrecision": MacroMetric,
    "graft.tasks.NearestNeighbours": NearestNeighbours,
    "pytorch_lightning.Trainer": Trainer,
    "graft.strategies.early_stopping.EarlyStoppingInLastPhase": EarlyStopping,
    "pytorch_lightning.callbacks.EarlyStopping": EarlyStopping,
    "pytorch_lightning.callbacks.LearningRateMonitor": LearningRateMonitor,
    "pytorch_lightning.callbacks.RichProgressBar": RichProgressBar,
}

# Hydra's own keys, which every node with a `_target_` may have.
HYDRA_KEYS = frozenset({"_target_", "_partial_", "_recursive_", "_convert_", "_args_"})
