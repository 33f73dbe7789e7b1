import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from graft.config.locate import configs_dir
from graft.errors import ConfigError, GraftError, Interrupted
from graft.runs.folder import RunFolder
from graft.runs.status import State, read_status


@pytest.fixture
def run(tmp_path):
    made = RunFolder.create(tmp_path / "runs" / "cells" / "2026-11-23")
    made.save_config(OmegaConf.create({"seed": 0, "paths": {"run_dir": str(made.path)}}))
    return made


def test_a_new_folder_counts_as_running(run):
    assert read_status(run.status).state is State.RUNNING


def test_a_folder_that_hydra_has_made_already_is_taken(tmp_path):
    (tmp_path / "made").mkdir()
    RunFolder.create(tmp_path / "made")


def test_a_folder_with_a_run_is_not_taken_again(run):
    before = run.status.read_text()
    with pytest.raises(ConfigError, match=r"already holds a run; choose another hydra.run.dir or go on with .*resume"):
        RunFolder.create(run.path)
    assert run.status.read_text() == before


def test_a_folder_with_any_file_is_not_taken(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ConfigError, match=r"is not empty \(it holds thesis.tex\)"):
        RunFolder.create(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(ConfigError, match="is a file"):
        RunFolder.create(tmp_path / "runs")
    with pytest.raises(GraftError, match="cannot make the run folder"):
        RunFolder.create(tmp_path / "runs" / "one")


def test_of_many_that_claim_one_folder_one_gets_it(tmp_path):
    for number in range(20):
        path = tmp_path / str(number)
        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(lambda _, path=path: _claims(path), range(8)))
        assert sum(claims) == 1


def _claims(path):
    try:
        RunFolder.create(path)
    except ConfigError:
        return False
    return True


def test_opening_names_what_is_missing(run, tmp_path):
    run.config.unlink()
    with pytest.raises(GraftError, match=r"config.yaml is missing in .*stopped before it began"):
        RunFolder.open(run.path)
    with pytest.raises(GraftError, match="is not the folder of a run"):
        RunFolder.open(tmp_path)


def test_opening_a_folder_that_does_not_exist_offers_the_nearest(run):
    with pytest.raises(GraftError, match=rf"there is no run folder .*Did you mean '{run.path}'"):
        RunFolder.open(run.path.with_name("2026-11-22"))
    with pytest.raises(GraftError, match=rf"Did you mean '{run.path}'"):
        RunFolder.open(run.path.parent.with_name("cell") / run.path.name)


def test_a_run_that_is_still_running_is_not_gone_on_with(run):
    with pytest.raises(GraftError, match="still running in process"):
        RunFolder.open(run.path).resume()


def test_a_stopped_run_is_gone_on_with(run):
    with pytest.raises(Interrupted), run.recording():
        raise Interrupted(2)
    assert read_status(run.status).state is State.INTERRUPTED
    again = RunFolder.open(run.path)
    again.resume()
    assert read_status(run.status).state is State.RUNNING
    with again.recording():
        pass
    status = read_status(run.status)
    assert (status.state, status.resumed, status.message) == (State.DONE, 1, None)


def test_failing_is_recorded_and_passes_on(run):
    with pytest.raises(ZeroDivisionError), run.recording():
        _ = 1 / 0
    status = read_status(run.status)
    assert status.state is State.FAILED
    assert "ZeroDivisionError" in status.traceback


def test_on_a_full_disk_the_first_error_is_the_one_that_is_shown(run, full_disk):
    with full_disk(10), pytest.raises(ZeroDivisionError), run.recording():
        _ = 1 / 0


def test_the_config_comes_back_without_secrets_where_the_folder_is_now(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_SECRET", "hush-hush-hush")
    monkeypatch.setenv("GRAFT_ROOT", "there")
    run = RunFolder.create(tmp_path / "old")
    cfg = OmegaConf.create(
        {
            "seed": 0,
            "name": "n_${seed}",
            "leaked": "hush-hush-hush",
            "logger": {"key": "${oc.env:SOME_SECRET}"},
            "paths": {"root": "${oc.env:GRAFT_ROOT,.}", "run_dir": "${hydra:runtime.output_dir}"},
            "callbacks": {"best": {"dirpath": "${paths.run_dir}/checkpoints"}},
            "root": "???",
            "hydra": {"verbose": True},
        }
    )
    run.save_config(cfg)
    text = run.config.read_text()
    assert "hush" not in text
    assert "${oc.env:SOME_SECRET}" in text
    assert "hydra" not in text
    moved = run.path.rename(tmp_path / "new")
    loaded = RunFolder.open(moved).load_config()
    assert loaded.callbacks.best.dirpath == str(tmp_path / "new" / "checkpoints")
    assert (loaded.name, loaded.paths.root, loaded.logger.key) == ("n_0", "there", "hush-hush-hush")
    assert OmegaConf.is_missing(loaded, "root")
    assert cfg.paths._get_node("run_dir")._value() == "${hydra:runtime.output_dir}", "the caller's stays"


def test_what_only_hydra_knows_is_written_out(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "c.yaml").write_text(
        "job: ${hydra:job.name}\nday: on ${now:%Y}\nlist: ['${hydra:job.name}']\n"
    )
    with initialize_config_dir(str(tmp_path / "configs"), version_base="1.3", job_name="thejob"):
        from hydra.core.hydra_config import HydraConfig

        cfg = compose("c", return_hydra_config=True)
        HydraConfig.instance().set_config(cfg)
        run = RunFolder.create(tmp_path / "run")
        run.save_config(cfg)
        HydraConfig.instance().cfg = None
    saved = OmegaConf.load(run.config)
    assert saved.job == "thejob"
    assert saved.list == ["thejob"]
    assert saved.day.startswith("on 20")


def test_the_config_of_train_yaml_comes_back(tmp_path):
    with initialize_config_dir(str(configs_dir()), version_base="1.3"):
        cfg = compose("train")
    run = RunFolder.create(tmp_path / "run")
    run.save_config(cfg)
    loaded = run.load_config()
    assert loaded.callbacks.best.dirpath == str(run.checkpoints)
    expected = OmegaConf.to_container(cfg)
    expected["paths"]["run_dir"] = str(run.path)
    assert OmegaConf.to_container(loaded) == expected


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n"])
def test_a_damaged_config_is_named(run, text):
    run.config.write_text(text)
    with pytest.raises(GraftError, match=str(run.config)):
        run.load_config()


def test_sessions_are_added_and_none_is_lost(run, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "hush-hush-hush")
    run.add_session({"seed": 1, "command": "graft hush-hush-hush"})
    run.add_session({"seed": 2})
    assert json.loads(run.environment.read_text())["sessions"] == [{"seed": 1, "command": "graft ***"}, {"seed": 2}]


def test_the_summary_comes_back(run):
    with pytest.raises(GraftError, match=r"summary.json is missing .* the run is running"):
        run.load_summary()
    run.save_summary({"test/auroc": 0.9, "name": "ü"})
    assert run.load_summary() == {"test/auroc": 0.9, "name": "ü"}
    run.summary.write_text("{")
    with pytest.raises(GraftError, match="is damaged"):
        run.load_summary()


def test_a_missing_checkpoint_is_named_with_those_that_there_are(run):
    with pytest.raises(GraftError, match="there is none"):
        run.checkpoint("best")
    run.checkpoints.mkdir()
    (run.checkpoints / "last.ckpt").touch()
    with pytest.raises(GraftError, match=r"best.ckpt is missing; there is last"):
        run.checkpoint("best")
    assert run.checkpoint("last") == run.checkpoints / "last.ckpt"


def test_other_processes_of_a_distributed_training_write_nothing(run, monkeypatch, tmp_path):
    before = {file: file.read_bytes() for file in run.path.iterdir()}
    monkeypatch.setenv("LOCAL_RANK", "1")
    other = RunFolder.create(run.path)  # the first process has claimed it
    other.resume()
    other.add_session({})
    other.save_summary({})
    other.save_config(OmegaConf.create({"a": 1}))
    with other.recording():
        pass
    assert {file: file.read_bytes() for file in run.path.iterdir()} == before


def test_nothing_heavy_is_imported():
    program = (
        "import sys, graft.runs.folder, graft.runs.status, graft.runs.secrets, graft.runs.signals; "
        "heavy = {'torch', 'numpy', 'pytorch_lightning', 'wandb', 'hydra', 'rich'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
