"""Run folders made of one that was recorded: `graft train debug=fast optimizer.lr=1e-2 trainer.max_epochs=3`."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def folder(tmp_path):
    """Makes a run folder; `score`: `val/auroc`, None without a summary; `config`: values by dotted key."""

    def make(name, score=0.8, seed=0, config=None, summary=None, state="done", message=None, sweep=None):
        path = tmp_path / "sweep" / str(name)
        shutil.copytree(RECORDED, path)
        data = yaml.safe_load((path / "config.yaml").read_text())
        for key, value in {"seed": seed, **(config or {})}.items():
            *groups, last = key.split(".")
            part = data
            for group in groups:
                part = part.setdefault(group, {})
            part[last] = value
        (path / "config.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
        change(path / "status.json", state=state, message=message)
        change(path / "environment.json", sweep=sweep)
        if score is None:
            (path / "summary.json").unlink()
        else:
            change(path / "summary.json", **{"val/auroc": score, "seed": seed, **(summary or {})})
        return path

    return make


@pytest.fixture
def grid(folder):
    """Three rates with two seeds each; the best is 0.01."""
    scores = {0.001: (0.70, 0.72), 0.01: (0.90, 0.94), 0.1: (0.80, 0.81)}
    for number, (rate, seed) in enumerate((rate, seed) for rate in scores for seed in (0, 1)):
        path = folder(number, scores[rate][seed], seed, {"optimizer.lr": rate})
    return path.parent


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
