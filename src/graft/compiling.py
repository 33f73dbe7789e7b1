"""The network compiled, where `trainer.compile` asks for it."""

import logging
import os
import shutil

from omegaconf import DictConfig

from graft.errors import ConfigError
from graft.features.store import cache_folder
from graft.tasks import Task

log = logging.getLogger(__name__)

_COMPILERS = ("c++", "g++", "clang++")


def compile_if_asked(cfg: DictConfig, task: Task, device: str) -> None:
    """Has `torch.compile` make the backbone's kernels at its first step, kept on disk for the runs to come.

    What was compiled lies in `graft/compiled` in the user's cache, unless `TORCHINDUCTOR_CACHE_DIR` says where. With
    features that are known the backbone does not run, so that there is nothing to compile.

    Raises:
        ConfigError: On a processor, and there is no C++ compiler.
    """
    if not cfg.trainer.get("compile"):
        return
    named = os.environ.get("CXX")
    if device == "cpu" and not any(map(shutil.which, [named] if named else _COMPILERS)):
        raise ConfigError(
            "trainer.compile=true needs a C++ compiler, and there is none here: install g++, or leave it false."
        )
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder().parent / "compiled"))
    log.info("the backbone is compiled at its first step, into %s", os.environ["TORCHINDUCTOR_CACHE_DIR"])
    task.compile_backbone()
