"""BatchNorms of several processes: each by its own samples, or all by the samples of all."""

import logging
from collections.abc import Sequence

from timm.layers.norm_act import BatchNormAct2d, SyncBatchNormAct
from torch import nn

from graft.backbones.stages import Stage
from graft.errors import ConfigError, many
from graft.runs.rank import rank
from graft.strategies.freezing import batch_norms_that_learn
from graft.strategies.phases import Strategy

log = logging.getLogger(__name__)


def synchronise_norms(strategy: Strategy, stages: Sequence[Stage], processes: int, device: str, asked: bool) -> None:
    """Lets the BatchNorms that learn normalise by the samples of all processes, or says that they do not.

    Args:
        strategy: In none of whose phases a BatchNorm may learn; then there is nothing to do.
        stages: All of the network; their BatchNorms are changed where they are.
        processes: That train together.
        device: Their kind of device, such as `cuda`.
        asked: `trainer.sync_batchnorm`.

    Raises:
        ConfigError: It is asked for on processors; PyTorch has it for accelerators alone.
    """
    norms = _norms_that_learn(strategy, stages) if processes > 1 else []
    if not norms:
        return
    if not asked:
        log.log(
            logging.WARNING if rank() == 0 else logging.INFO,  # said once
            "the strategy trains %s, and each of the %d processes normalises by its own samples: the result is not"
            " that of one process with batches as large. On GPUs trainer.sync_batchnorm=true makes it so.",
            many(len(norms), "BatchNorm layer"),
            processes,
        )
        return
    if device == "cpu":
        raise ConfigError(
            "trainer.sync_batchnorm=true needs GPUs: PyTorch does not synchronise BatchNorm on processors. Leave it"
            " out, or take a strategy in which BatchNorms stand still, such as lora or bitfit."
        )
    for module in norms:
        _synchronise(module)


def _norms_that_learn(strategy: Strategy, stages: Sequence[Stage]) -> list[nn.Module]:
    phases = range(len(strategy.phases))
    found = [norm for n in phases for norm in batch_norms_that_learn(stages, strategy.learning(n))]
    return list(dict.fromkeys(found))


def _synchronise(norm: nn.Module) -> None:
    """Makes a BatchNorm another one in place.

    The conversions of PyTorch and timm put new modules in the place of the old ones, which the stages would go on to
    freeze and unfreeze; and PyTorch's forgets the activation that timm's layers hold.
    """
    norm.__class__ = SyncBatchNormAct if isinstance(norm, BatchNormAct2d) else nn.SyncBatchNorm
    vars(norm)["process_group"] = None  # all processes
