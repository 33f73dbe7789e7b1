"""The learning rate of a step, by the number of its samples."""

from omegaconf import DictConfig

_EXPONENTS = {"none": 0.0, "linear": 1.0, "sqrt": 0.5}


def scaled_rate(cfg: DictConfig) -> float:
    """Returns the rate that `lr_scaling` makes of `optimizer.lr`.

    Linear: Goyal et al., "Accurate, Large Minibatch SGD" (2017), section 2.1. Square root, for Adam: Malladi et al.,
    "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms" (NeurIPS 2022), section 4.
    """
    rate = float(cfg.optimizer.lr)
    scaling = cfg.get("lr_scaling")
    if scaling is None:  # a run from before there was such a choice
        return rate
    scaled: float = rate * (samples_of_a_step(cfg) / scaling.base) ** _EXPONENTS[scaling.rule]
    return scaled


def samples_of_a_step(cfg: DictConfig) -> int:
    """Returns how many there are over all processes and accumulated batches."""
    return int(cfg.trainer.accumulate_grad_batches * cfg.datamodule.batch_size)
