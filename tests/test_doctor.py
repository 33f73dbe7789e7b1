"""`graft doctor`: each kind of wrong is told with what to do, and the exit code says whether a training would stop."""

import builtins
import shutil
import tempfile
from importlib import metadata
from types import SimpleNamespace

import pytest
import torch

from graft.checkup import checkout, folders, machine, packages, services
from graft.checkup.finding import Verdict
from graft.config import compose
from graft.doctor import doctor

KEY = "0123456789abcdef0123456789abcdef01234567"


def told(findings):
    """The findings by subject, as verdict and what is said of them."""
    return {each.subject: (each.verdict, f"{each.state} → {each.advice}") for each in findings}


@pytest.fixture
def well(monkeypatch, tmp_path):
    """A machine with nothing wrong."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAFT_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr("graft.doctor.checkout", lambda: [])
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)


# --- the command


def test_where_nothing_is_wrong_all_is_shown_and_the_code_is_0(well, graft, capsys):
    assert graft("doctor") == 0
    said = capsys.readouterr().out
    for heading in ("Versions", "Extras", "Devices", "Folders", "Servers", "Code"):
        assert f"\n{heading}\n" in f"\n{said}"
    assert metadata.version("torch") in said
    assert "nothing wrong, 0 warnings" in said
    assert graft("doctor", "--help") == 0
    assert "Usage: graft doctor" in capsys.readouterr().out


def test_all_that_is_wrong_is_told_at_once_without_the_key(well, capsys, monkeypatch, without, tmp_path):
    """Of another training: one that needs an extra, and a folder that is none."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr("graft.runs.wandb_start.answers", lambda: False)
    without["tensorboard"] = None
    (tmp_path / "place").write_text("")
    own = builtins.__import__

    def broken(name, *rest):
        if name == "torch" and rest[0] and str(rest[0].get("__name__")) == "graft.checkup.machine":
            raise OSError(f"libcudart.so.13: cannot open shared object file; by the way: {KEY}")
        return own(name, *rest)

    monkeypatch.setattr(builtins, "__import__", broken)
    assert doctor(["logger=[wandb,tensorboard]", f"paths.root={tmp_path}/place"]) == 1
    said = capsys.readouterr().out
    for wrong, advice in [
        ("✗ tensorboard: tensorboard is not installed", "pip install 'graft[tensorboard]'"),
        ("✗ devices: cannot be looked at: OSError: libcudart.so.13", "uv sync"),
        ("✗ logs: ", "GRAFT_ROOT=<folder>"),
        ("! Weights & Biases: online, with a key, but", "logger.wandb.mode=offline"),
    ]:
        assert wrong in said
        assert advice in said[said.index(wrong) :].splitlines()[1]
    assert "A training would stop: 3 wrong, 1 warning." in said
    assert KEY[:8] not in said


def test_a_mistake_in_a_config_file_is_wrong_and_one_that_is_typed_is_told(well, graft, capsys, monkeypatch, tmp_path):
    assert graft("doctor", "sede=1") == 2
    assert "Did you mean 'seed'" in capsys.readouterr().err
    broken = tmp_path / "configs"
    shutil.copytree(compose.configs_dir(), broken)
    (broken / "local" / "default.yaml").write_text("# @package _global_\nsede: 1\n")
    monkeypatch.setattr(compose, "configs_dir", lambda: broken)
    assert graft("doctor") == 1
    assert "Did you mean 'seed'" in capsys.readouterr().out


# --- each kind of wrong


@pytest.mark.parametrize("kind", ["a file in the way", "read-only"])
def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch, kind):
    place = tmp_path / "place"
    if kind == "a file in the way":
        place.write_text("")
    else:  # root may write where permissions forbid it, so the file system's own word is faked
        place.mkdir()
        own = tempfile.TemporaryFile

        def refusing(dir):
            if dir == place:
                raise OSError(30, "Read-only file system")
            return own(dir=dir)

        monkeypatch.setattr(tempfile, "TemporaryFile", refusing)
    verdict, said = told(folders.logs(place / "logs" if kind == "a file in the way" else place))["logs"]
    assert verdict is Verdict.WRONG
    assert "cannot be written to: " in said
    assert "GRAFT_ROOT=" in said
    verdict, said = told(folders.cache(str(place), 10))["cache"]
    assert verdict is Verdict.WARNING, "a run goes on without"
    assert "cache.folder=" in said


def test_a_full_disk(tmp_path, monkeypatch):
    for free, verdict in [(10**8, Verdict.WRONG), (10**9, Verdict.WARNING), (10**11, Verdict.FINE)]:
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        assert told(folders.logs(tmp_path))["disk of logs"][0] is verdict
        kept = told(folders.cache(str(tmp_path / "new"), 10))["disk of the cache"]
        assert kept[0] is (Verdict.FINE if free > 10**10 else Verdict.WARNING)
        assert ("graft cache prune" in kept[1]) is (free < 10**10)
    assert not list(tmp_path.iterdir()), "nothing stays of the probe"


@pytest.fixture
def without(monkeypatch):
    """Lets packages seem not to be installed (None), or to be of another version."""
    own, changed = metadata.version, {}

    def version(name):
        if changed.get(name, "") is None:
            raise metadata.PackageNotFoundError(name)
        return changed.get(name) or own(name)

    monkeypatch.setattr(packages.metadata, "version", version)
    return changed


def test_extras_that_are_missing_or_halved(without):
    without |= {"tensorboard": None, "litdata": "0.1"}
    found = told(packages.extras({}))
    assert "dev" not in found
    assert found["tensorboard"] == (
        Verdict.ABSENT,
        "not installed (tensorboard), for logger=tensorboard → pip install 'graft[tensorboard]',"
        " or uv sync --extra tensorboard",
    )
    assert found["streaming"][0] is Verdict.WARNING
    assert "litdata is 0.1, but Graft needs >=0.2.76" in found["streaming"][1]
    verdict, said = told(packages.extras({"tensorboard": "the logger"}))["tensorboard"]
    assert verdict is Verdict.WRONG
    assert "the logger needs it" in said
    assert found.keys() == packages.FOR.keys(), "each says what it is for"


def test_launchers_and_storages_of_a_search_need_their_extras(well, without, capsys):
    """Hydra has no choice of a launcher that is not installed, so the rest is looked at without it."""
    slurm = ["sweep=tpe", "launcher=submitit_slurm", "launcher.jobs=8", "hydra.launcher.partition=gpu"]
    stored = ["sweep=tpe", "launcher=ray", "hydra.sweeper.storage=postgresql://host/db"]
    without |= {"psycopg": "3.9"}  # which the tests do without
    assert doctor(slurm) == doctor(stored) == 0
    without |= {"hydra-submitit-launcher": None, "psycopg": None, "hydra-ray-launcher": "1.0"}
    capsys.readouterr()
    assert doctor(slurm) == 1
    said = capsys.readouterr().out
    assert "✗ slurm: hydra-submitit-launcher is not installed; launcher=submitit_slurm needs it" in said
    assert "→ pip install 'graft[slurm]'" in said
    assert "\nDevices\n" in said
    assert doctor(stored) == 1
    said = capsys.readouterr().out
    assert "✗ postgresql: psycopg is not installed; hydra.sweeper.storage needs it" in said
    assert "✗ ray: hydra-ray-launcher is 1.0, but Graft needs >=1.2.2; launcher=ray needs it" in said


def test_packages_that_are_missing_or_too_old(without, monkeypatch):
    without |= {"timm": None, "scipy": "1.0", "transformers": "4.0"}
    monkeypatch.setattr(packages.platform, "python_version", lambda: "3.10.2")
    found = told(packages.packages())
    assert {name for name, (verdict, _) in found.items() if verdict is Verdict.WRONG} == {
        "Python",
        "timm",
        "scipy",
        "transformers",
    }
    assert "is 1.0, but Graft needs >=1.17" in found["scipy"][1]


def test_a_gpu_that_is_not_there(monkeypatch):
    none = {"cpu": "some", "cores": 2, "cuda": [], "mps": False}
    monkeypatch.setattr(machine, "describe_devices", lambda: none)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert told(machine.devices("auto", 1))["CUDA"][0] is Verdict.FINE
    assert told(machine.devices("gpu", 1))["CUDA"][0] is Verdict.WRONG
    assert told(machine.devices("mps", 1))["MPS"][0] is Verdict.WRONG
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    verdict, said = told(machine.devices("auto", 1))["CUDA"]
    assert verdict is Verdict.WARNING
    assert "CUDA_VISIBLE_DEVICES" in said
    none["cuda"] = ["one"]
    assert told(machine.devices("gpu", [0, 1]))["devices"][0] is Verdict.WRONG
    assert "devices" not in told(machine.devices("cpu", 4))


def test_a_precision_that_would_be_emulated():
    assert told(machine.precision("bf16-mixed", auto="32-true"))["trainer.precision"][0] is Verdict.WARNING
    found = told(machine.precision("auto", auto="bf16-mixed"))
    assert "takes bf16-mixed" in found["trainer.precision=auto"][1]
    assert {verdict for verdict, _ in found.values()} == {Verdict.FINE}


def test_online_without_a_key(monkeypatch):
    monkeypatch.setattr("graft.runs.wandb_start._has_key", lambda: False)
    verdict, said = told(services.tracker("online"))["Weights & Biases"]
    assert verdict is Verdict.WRONG
    assert "WANDB_API_KEY" in said
    assert told(services.tracker("offline"))["Weights & Biases"][0] is Verdict.FINE


def test_a_hub_that_is_switched_off_matters_where_weights_come_from_it(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert told(services.hub("package"))["model hub"][0] is Verdict.FINE
    verdict, said = told(services.hub("hub"))["model hub"]
    assert verdict is Verdict.WARNING
    assert "unset HF_HUB_OFFLINE" in said


def test_code_that_is_changed_or_in_no_commit(monkeypatch):
    state = {"commit": "0" * 40, "branch": "main", "changed": ["a.py"], "diff_sha256": None}
    monkeypatch.setattr(checkout, "describe_git", lambda folder: state)
    assert told(checkout.checkout())["git"][0] is Verdict.WARNING
    state["changed"] = []
    assert told(checkout.checkout())["git"] == (Verdict.FINE, "0000000000 on main, nothing changed → ")
    state["commit"] = None
    assert "git init" in told(checkout.checkout())["git"][1]
    monkeypatch.setattr(checkout, "is_installed", lambda: True)
    verdict, said = told(checkout.checkout())["git"]
    assert verdict is Verdict.FINE
    assert "git init" not in said
