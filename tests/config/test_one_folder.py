"""A sweep is named by what its runs have in common."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from graft.config.locate import configs_dir
from graft.config.one_folder import OneFolder


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["optimizer.lr=1,2"], "elpv_feature_extraction"),
        (["strategy=bitfit,lora"], "elpv"),
        (["+hydra.sweeper.params={strategy: 'choice(bitfit,lora)'}"], "elpv"),
        (["datamodule=elpv,sentiment", "strategy=bitfit,lora"], "sweep"),
        (["experiment=elpv_finetuning,sentiment"], "experiments"),
        (["strategy=bitfit,lora", "name=which_strategy"], "which_strategy"),
        (["experiment=elpv_finetuning,sentiment", "name=one"], "one"),
        (["strategy=bitfit,lora", "name=x-${strategy.name}-${datamodule.name}"], "x-elpv"),
    ],
)
def test_folder_and_study_are_told_to_all_runs(words, name):
    before = HydraConfig.instance().cfg
    fixed = [word for word in words if "," not in word or word.startswith("+hydra")]
    with initialize_config_dir(str(configs_dir()), version_base="1.3"):
        config = compose("train", ["sweep=random", "hydra.mode=MULTIRUN", *fixed], return_hydra_config=True)
    try:
        HydraConfig.instance().set_config(config)
        OmegaConf.set_readonly(config.hydra, False)
        config.hydra.overrides.task.extend([word for word in words if word not in fixed])
        if not any(word.startswith("name=") for word in words):
            config.name = "${datamodule.name}_${strategy.name}"  # in the place of the default experiment's
        said = config.name
        OneFolder().on_multirun_start(config)
        assert config.name == said
        assert Path(config.hydra.sweep.dir).name == config.hydra.sweeper.study_name == f"{name}_random"
        told = config.hydra.overrides.hydra[-2:]
        assert told == [f"hydra.sweep.dir='{config.hydra.sweep.dir}'", f"hydra.sweeper.study_name='{name}_random'"]
    finally:
        HydraConfig.instance().cfg = before
