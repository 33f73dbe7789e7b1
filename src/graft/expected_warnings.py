"""Warnings of other libraries about what Graft does on purpose."""

import logging
import warnings

_EXPECTED = (
    ".*in eval mode.*",  # frozen stages are: their normalisation must not move
    ".*does not have many workers.*",  # samples in memory need none; else datamodule.num_workers says how many
    ".*smaller than the logging interval.*",  # metrics are logged by epoch
    ".*Checkpoint directory .* exists and is not empty.*",  # a resumed run goes on in its folder
    ".*sync_dist=True.*",  # scores are of all processes before they are logged
    ".*LeafSpec.*",  # Lightning #21326: it builds by hand what torch has deprecated
    "The `srun` command is available.*",  # a training of one process needs none, and those of several say what they do
    ".*custom batch sampler.*",  # it leaves no sample out
    '.*install "ipywidgets" for Jupyter support.*',  # rich's, in a notebook that shows no progress without it
    ".*overridden `on_after_batch_transfer` in `LightningModule`.*",  # the task knows how pixels become inputs
)


def ignore_expected_warnings() -> None:
    """Keeps them out of the user's sight, and nothing else."""
    for message in _EXPECTED:
        warnings.filterwarnings("ignore", message=message)
    # torchao, which transformers imports where it is installed, tells torch of enumerations, which torch knows by now.
    logging.getLogger("torch.utils._pytree").addFilter(_is_of_no_enumeration)


def _is_of_no_enumeration(record: logging.LogRecord) -> bool:
    return "is an Enum subclass" not in str(record.msg)
