import http.server
import importlib.util
import json
import logging
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import wandb
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from graft.errors import GraftError
from graft.runs import wandb_start
from graft.runs.folder import RunFolder
from graft.runs.loggers import tensorboard_logger, trackio_logger, wandb_logger
from graft.runs.surviving import surviving
from graft.runs.tracking import finish_trackio, finish_wandb
from graft.tracked import keep_checkpoint

KEY = "abcdef0123" * 4


@pytest.fixture(autouse=True)
def stranger(monkeypatch, tmp_path):
    """Nobody is logged in on this machine, and no run is left over."""
    for name in ("API_KEY", "MODE", "BASE_URL", "PROJECT", "ENTITY", "SWEEP_ID", "RUN_ID"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))  # to be put back at the end
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    wandb.teardown()
    yield
    finish_wandb()
    wandb.teardown()


@pytest.fixture
def start(tmp_path):
    """Starts a logger in a run folder of its own."""

    def begin(folder="run", mode="auto", **changes):
        save_dir = tmp_path / folder
        save_dir.mkdir(exist_ok=True)
        options = {"project": "cells", "entity": None, "name": "n", "tags": {}, **changes}
        return wandb_logger(save_dir=str(save_dir), mode=mode, **options)

    return begin


def records(folder):
    """What a run folder's offline runs hold, one list of records a run."""
    inspected = []
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        command = [Path(sys.executable).with_name("wandb"), "leet", "inspect", "--json", path]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        inspected.append([json.loads(line) for line in lines])
    return inspected


def test_two_runs_of_one_process_stay_two_and_are_finished(start, tmp_path):
    for folder in ("first", "second"):
        logger = start(folder, tags={"pilot": True, "old": False})
        logger.log_metrics({"val/auroc": 0.5}, step=7)
        finish_wandb()
    assert wandb.run is None
    (first,), (second,) = records(tmp_path / "first"), records(tmp_path / "second")
    for record in (first, second):
        (run,) = [entry["run"] for entry in record if entry["type"] == "run"]
        assert run["project"] == "cells"
        assert run["tags"] == ["pilot"]
        assert sum(entry["type"] == "history" for entry in record) == 1
        assert any(entry["type"] == "exit" for entry in record)
    ids = [(tmp_path / folder / "wandb" / "run_id").read_text() for folder in ("first", "second")]
    assert ids[0] != ids[1]


def test_a_second_job_never_writes_into_a_run_that_was_left_open(start, tmp_path):
    start("first")
    start("second").log_metrics({"a": 1.0}, step=0)
    finish_wandb()
    (first,) = records(tmp_path / "first")
    assert not any(entry["type"] == "history" for entry in first)


def test_a_run_that_is_gone_on_with_keeps_its_id(start):
    ids = []
    for _ in range(2):
        ids.append(start().version)
        finish_wandb()
    assert ids[0] == ids[1]


@pytest.mark.parametrize("mode", ["offline", "auto"])
def test_no_secret_reaches_a_file_of_the_run_folder(start, tmp_path, monkeypatch, mode):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr("sys.argv", ["graft", "train", f"+key={KEY}"])
    start(mode=mode).log_metrics({"a": 1.0}, step=0)
    finish_wandb()
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" for path in files)
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert sys.argv[2] == f"+key={KEY}", "the program's own arguments stay"


def test_without_a_network_it_goes_on_offline_with_a_warning(start, monkeypatch, caplog):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert start().experiment.offline
    assert "http://127.0.0.1:9 cannot be reached" in caplog.text


@pytest.fixture
def server(monkeypatch):
    """A W&B server that answers everything with one HTTP status."""
    servers = []

    def serve(status):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"errors": [{"message": "no"}]}')

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_):
                pass

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[0].serve_forever, daemon=True).start()
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{servers[0].server_port}")

    yield serve
    for running in servers:
        running.shutdown()
        running.server_close()


def test_a_server_that_is_none_of_w_and_b_does_not_stop_a_training(start, server, caplog, tmp_path):
    server(404)
    logger = start()
    assert logger.experiment.offline
    assert "goes on offline" in caplog.text
    logger.log_metrics({"a": 1.0}, step=0)
    finish_wandb()
    assert len(records(tmp_path / "run")) == 1


def test_a_key_that_the_server_refuses_is_an_error(start, server):
    server(401)
    with pytest.raises(GraftError, match="does not take the key"):
        start()


def test_a_key_that_cannot_be_one_is_an_error(start, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "tooshort")
    with pytest.raises(GraftError, match="mend WANDB_API_KEY"):
        start()


def test_online_without_a_key_is_an_error_and_no_question(start):
    with pytest.raises(GraftError, match="has no key"):
        start(mode="online")


@pytest.mark.parametrize(
    ("mode", "variable", "key", "expected"),
    [
        ("auto", None, False, "offline"),
        ("auto", None, True, "online"),
        ("auto", "offline", True, "offline"),
        ("auto", "dryrun", True, "offline"),
        ("auto", "disabled", True, "disabled"),
        ("offline", "online", True, "offline"),
        ("online", "offline", True, "online"),
    ],
)
def test_which_mode(monkeypatch, mode, variable, key, expected):
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)
    if key:
        monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert wandb_start.resolved(mode) == expected


def test_a_login_counts_as_a_key(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    (tmp_path / "netrc").chmod(0o600)
    assert wandb_start.resolved("auto") == "online"


def test_an_unknown_mode_is_named(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "onlien")
    with pytest.raises(GraftError, match="onlien"):
        wandb_start.resolved("auto")


def test_other_processes_start_no_run(start, monkeypatch, tmp_path):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    start().log_metrics({"a": 1.0}, step=0)
    assert wandb.run is None
    assert list((tmp_path / "run").iterdir()) == []


def test_finishing_says_how_to_send_an_offline_run(start, caplog, tmp_path):
    start()
    with caplog.at_level(logging.INFO, "graft"):
        finish_wandb(exit_code=1)
        finish_wandb()
    assert caplog.text.count("wandb sync") == 1
    assert str(next((tmp_path / "run" / "wandb").glob("offline-run-*"))) in caplog.text
    assert (tmp_path / "run" / "wandb").is_dir()
    (offline,) = records(tmp_path / "run")
    assert [entry["exit"]["exit_code"] for entry in offline if entry["type"] == "exit"] == [1]


def test_finishing_without_wandb_does_not_import_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "wandb")
    finish_wandb()
    assert "wandb" not in sys.modules


def test_under_wandb_agent_it_is_the_run_that_the_sweep_knows(start, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep9")
    monkeypatch.setenv("WANDB_RUN_ID", "trial7")
    assert start(group="auto", job_type="auto").version == "trial7"
    finish_wandb()
    wandb.teardown()  # W&B reads the environment once a process
    monkeypatch.delenv("WANDB_SWEEP_ID")
    monkeypatch.setenv("WANDB_RUN_ID", "another")
    assert start().version == "trial7", "gone on with outside of the sweep"
    finish_wandb()
    run = next(entry["run"] for entry in records(tmp_path / "run")[0] if entry["type"] == "run")
    assert (run["run_group"], run["job_type"]) == ("sweep9", "trial")


def test_the_code_is_kept_without_files_that_hold_a_secret_and_so_is_its_address(start, monkeypatch, tmp_path):
    package, remote = tmp_path / "package", f"https://{KEY}:x-oauth-basic@example.org/fork.git"
    package.mkdir()
    (package / "__init__.py").write_text("1\n")
    (package / "mine.py").write_text(f"key = {KEY!r}\n")
    git = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", "-C", package]
    for line in ("init -q", "add .", "commit -qm first", f"remote add origin {remote}"):
        subprocess.run([*git, *line.split()], check=True)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setattr("graft.__file__", str(package / "__init__.py"))
    monkeypatch.setattr("graft.runs.wandb_start.code_folder", lambda: package)
    start(mode="offline", code=True)
    finish_wandb()
    (kept,) = records(tmp_path / "run")
    (code,) = [entry["artifact"] for entry in kept if entry["type"] == "artifact"]
    assert [entry["path"] for entry in code["manifest"]["contents"]] == ["__init__.py"]
    assert next(entry["run"] for entry in kept if entry["type"] == "run")["git"]["remote_url"] == (
        "https://example.org/fork.git"
    )
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


def test_links_to_runs_that_are_gone_are_removed(start, tmp_path):
    links = tmp_path / "links"
    start("first", links=str(links))
    start("second", links=str(links))
    shutil.rmtree(tmp_path / "first")
    third = start("third", links=str(links))
    (new, old) = sorted(links.iterdir(), key=lambda link: "third" not in str(link.resolve()))
    assert new.resolve() == Path(third.experiment.dir).parent.resolve()
    assert old.resolve().is_relative_to(tmp_path / "second")


def to_sync(tmp_path):
    """The runs that `wandb sync` would send from the folder of links, by id."""
    command = [Path(sys.executable).with_name("wandb"), "sync", "--dry-run"]
    done = subprocess.run(
        command, env={**os.environ, "WANDB_DIR": str(tmp_path / "logs")}, capture_output=True, text=True, check=True
    )
    return re.findall(r"run-(\w+)\.wandb", done.stdout + done.stderr)


def test_a_run_whose_folder_moves_is_still_found_by_sync_and_goes_on_under_its_id(start, tmp_path):
    """As a sweep does with the seeds that had ended when their trial was lost."""
    links, trials = str(tmp_path / "logs" / "wandb"), tmp_path / "logs" / "sweeps" / "night"
    for trial in (3, 4):
        (trials / str(trial)).mkdir(parents=True)
    logger = start("logs/sweeps/night/3/seed_0", links=links)
    logger.log_metrics({"val/auroc": 0.5}, step=7)
    finish_wandb()
    assert to_sync(tmp_path) == [logger.version]
    (trials / "3" / "seed_0").rename(trials / "4" / "seed_0")
    second = start("logs/sweeps/night/4/seed_1", links=links)
    finish_wandb()
    assert sorted(to_sync(tmp_path)) == sorted([logger.version, second.version])
    trials = trials.rename(trials.with_name("week"))  # and by hand, then gone on with
    third = start("logs/sweeps/week/4/seed_0", links=links)
    third.log_metrics({"val/auroc": 0.6}, step=9)
    finish_wandb()
    assert third.version == logger.version
    assert sorted(to_sync(tmp_path)) == sorted([logger.version, logger.version, second.version])
    told = [
        entry["history"]["item"] for each in records(trials / "4" / "seed_0") for entry in each if "history" in entry
    ]
    assert [entry["val/auroc"] for entry in told] == [0.5, 0.6]
    made = [
        path for folder in (Path(links), *trials.glob("*/*/wandb")) for path in folder.iterdir() if path.is_symlink()
    ]
    assert {path.readlink().is_absolute() for path in made} == {False}


def test_a_disabled_run_does_nothing(start, tmp_path):
    logger = start(mode="disabled", links=str(tmp_path / "links"), checkpoint=True, watch="all")
    logger.log_metrics({"a": 1.0}, step=0)
    assert not (tmp_path / "links").exists()


class Failing(Logger):
    name = version = "failing"

    def log_metrics(self, metrics, step=None):
        raise OSError("no route to host")

    log_hyperparams = log_graph = finalize = log_metrics


def test_a_tracker_that_fails_is_told_once_and_stops_nothing(caplog):
    logger = surviving(Failing())
    for _ in range(3):
        logger.log_metrics({"a": 1.0})
    pickle.loads(pickle.dumps(logger)).log_metrics({"a": 1.0})  # as for processes that are spawned
    assert isinstance(logger, Failing)
    assert caplog.text.count("Failing.log_metrics: the tracker failed, the training goes on") == 1


def test_a_checkpoint_that_cannot_be_kept_stops_nothing(start, caplog, tmp_path):
    logger = start(checkpoint=True)
    run = RunFolder(tmp_path / "run")
    run.checkpoints.mkdir()
    (run.checkpoints / "best.ckpt").touch()  # and neither a configuration nor a summary
    keep_checkpoint(run, SimpleNamespace(loggers=[logger]))
    assert "the best checkpoint is no artifact" in caplog.text


def track(tmp_path, folder="run", **changes):
    """A logger of Trackio, whose folder is that of this process's first."""
    options = {"project": "cells", "name": "n", "group": None, "save_dir": str(tmp_path / folder), **changes}
    return trackio_logger(folder=str(tmp_path.parent / "trackio"), **options)


def test_trackio_stays_on_this_machine_and_asks_nobody(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address) or [])
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_somebody")
    monkeypatch.setenv("TRACKIO_SPACE_ID", "somebody/space")
    logger = track(tmp_path)
    logger.log_metrics({"a": 1.0}, step=3)
    finish_trackio()
    assert (asked, capsys.readouterr().out) == ([], "")
    from trackio import Api

    assert logger.version in [run.name for run in Api().runs("cells")]
    assert os.environ["TRACKIO_SPACE_ID"] == "somebody/space"


def test_trackio_never_takes_a_new_run_for_an_old_one_of_its_name(tmp_path):
    names = [track(tmp_path, folder).version for folder in ("first", "second", "first")]
    assert names[0] == names[2] != names[1]


def test_a_trackio_that_cannot_begin_is_told_and_does_nothing(tmp_path, monkeypatch, caplog):
    logger = track(tmp_path)
    finish_trackio()
    monkeypatch.setattr("trackio.init", lambda *_, **__: 1 / 0)
    logger = track(tmp_path)
    logger.log_metrics({"a": 1.0}, step=0)
    logger.log_hyperparams({"a": 1})
    assert "the run is not tracked by Trackio: ZeroDivisionError" in caplog.text


def test_a_project_that_trackio_does_not_take_is_the_users_mistake(tmp_path):
    with pytest.raises(GraftError, match=r"logger\.trackio\.project: .*registry-mine"):
        track(tmp_path, project="registry-mine")


def test_tensorboard_writes_into_the_run_folder(tmp_path):
    logger = tensorboard_logger(str(tmp_path))
    logger.log_metrics({"a": 1.0}, 0)
    logger.finalize("success")
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_without_its_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(GraftError, match=r"pip install 'graft\[tensorboard\]'"):
        tensorboard_logger(str(tmp_path))
    with pytest.raises(GraftError, match=r"pip install 'graft\[trackio\]'"):
        track(tmp_path)
