"""The study, as Optuna's samplers and pruners see it."""

import sys

import optuna
import pytest
from omegaconf import OmegaConf

from graft.config.space import read_space
from graft.errors import GraftError
from graft.sweeps.study import make_sampler, open_storage, open_study

SPACE = read_space({}, ["optimizer.lr=interval(0,1)"])


@pytest.fixture
def config():
    """Of a sweep by TPE with Hyperband."""
    return OmegaConf.create(
        {
            "hydra": {
                "sweeper": {
                    "study_name": "brackets",
                    "metric": "val/auroc",
                    "mode": "max",
                    "minimize": [],
                    "maximize": [],
                    "seeds": 1,
                    "folds": 1,
                    "seed": 0,
                    "sampler": {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 1},
                    "pruner": {"_target_": "optuna.pruners.HyperbandPruner", "max_resource": 27},
                }
            }
        }
    )


def test_tpe_learns_from_the_trials_of_the_same_bracket_of_hyperband(config, monkeypatch):
    study = open_study(optuna.storages.InMemoryStorage(), config, SPACE)
    seen = {}
    look = optuna.samplers.TPESampler.infer_relative_search_space

    def looks(sampler, study, trial):
        seen[trial.number] = {each.number for each in study.get_trials(deepcopy=False)}
        return look(sampler, study, trial)

    monkeypatch.setattr(optuna.samplers.TPESampler, "infer_relative_search_space", looks)
    for number in range(12):
        study.sampler = make_sampler(config.hydra.sweeper, number)
        study.tell(study.ask(SPACE.distributions()), 0.5)
    hyperband = optuna.pruners.HyperbandPruner(max_resource=27)
    hyperband.prune(study, optuna.trial.create_trial(value=0.0))
    bracket = {trial.number: hyperband._get_bracket_id(study, trial) for trial in study.trials}
    assert len(set(bracket.values())) > 1
    assert len(seen) == 12
    for number, others in seen.items():
        assert {bracket[other] for other in others} == {bracket[number]}


def test_a_missing_driver_is_told_with_the_extra_that_has_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(GraftError, match=r"needs a driver.*psycopg.*pip install 'graft\[postgresql\]'") as told:
        open_storage("postgresql://me:secret@localhost/studies", tmp_path)
    assert "secret" not in str(told.value)
