from collections.abc import Callable

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict, read_write

from graft.config.locate import configs_dir


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., DictConfig]:
    """Composes as a job would find the configuration."""
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)

    def composed(*overrides: str, command: str = "train") -> DictConfig:
        with initialize_config_dir(str(configs_dir()), version_base="1.3"):
            cfg = compose(command, list(overrides), return_hydra_config=True)
        with read_write(cfg), open_dict(cfg):
            cfg.hydra.runtime.output_dir = "out"
            HydraConfig.instance().set_config(cfg)
            del cfg["hydra"]
        return cfg

    return composed
