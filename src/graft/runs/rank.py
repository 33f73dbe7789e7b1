"""Which of the processes of a distributed training this one is; known before torch is imported."""

import os

_NAMES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")  # in the order of Lightning Fabric


def rank() -> int:
    """Returns the number of this process among those that train together; 0 where it trains alone."""
    return next((int(os.environ[name]) for name in _NAMES if name in os.environ), 0)
