import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from graft.cli import main
from graft.config.locate import configs_dir
from graft.errors import GraftError, Interrupted
from graft.runs.folder import RunFolder

HEAVY = ["torch", "torchvision", "pytorch_lightning", "torchmetrics", "timm", "wandb", "pandas", "sklearn"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAFT_ROOT", raising=False)
    yield
    hydras = logging.getLogger("hydra")  # Hydra sets up logging for the rest of the process
    hydras.handlers.clear()
    hydras.propagate = True
    hydras.setLevel(logging.NOTSET)


@pytest.fixture
def graft(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command line in this process."""

    def graft(*argv: str) -> int:
        monkeypatch.setattr(sys, "argv", ["/somewhere/bin/graft", *argv])
        return main()

    return graft


class Jobs(list[DictConfig]):
    """What the commands were called with; `then` is what they do."""

    then: Callable[[DictConfig], float] = staticmethod(lambda cfg: 0.5)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Stands in for `graft.train` and `graft.evaluate`, which import torch."""
    jobs = Jobs()

    def job(cfg: DictConfig) -> float:
        cfg.copy()
        jobs.append(cfg)
        return jobs.then(cfg)

    for name in ("train", "evaluate"):
        module = types.ModuleType(f"graft.{name}")
        setattr(module, name, job)
        monkeypatch.setitem(sys.modules, f"graft.{name}", module)
    return jobs


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has keys which the default configuration has not."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    line = ["datamodule=image_folder", "datamodule.root=data", "+optimizer.amsgrad=true", f"paths.run_dir={folder}"]
    with initialize_config_dir(str(configs_dir()), version_base="1.3"):
        cfg = compose("train", line)
    RunFolder.create(folder).save_config(cfg)
    return folder


@pytest.fixture
def run(run_once: Path) -> RunFolder:
    """The same with spaces, `=` and a quote in its name."""
    return RunFolder(shutil.copytree(run_once, "old runs/lr=1, it's"))


def nothing_was_made() -> bool:
    return list(Path.cwd().iterdir()) == []


# --- the commands by name


@pytest.mark.parametrize("line", ["", "-h", "--help", "help"])
def test_help_names_the_commands(line, graft, capsys):
    assert graft(*line.split()) == 0
    told = capsys.readouterr().out
    assert "train" in told
    assert "evaluate" in told
    assert "graft -sc install=bash" in told


def test_the_version_is_grafts(graft, capsys):
    assert graft("--version") == 0
    assert capsys.readouterr().out == "graft 0.1.0\n"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("tran", "'tran' is no command. Did you mean 'train'?"),
        (
            "zzz",
            "'zzz' is no command. There are: train, evaluate, predict, explain, export, demo, shard, strategies,",
        ),
        ("backbone=resnet18", "Did you mean `graft train backbone=resnet18`?"),
    ],
)
def test_an_unknown_command_is_told_with_the_nearest(word, expected, graft, capsys):
    assert graft(word) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("line", ["train --help", "train -h", "help train", "train backbone=resnet18 --help"])
def test_the_help_of_train_shows_groups_with_their_choices(line, graft, capsys):
    assert graft(*line.split()) == 0
    told = capsys.readouterr().out
    assert "strategy: bitfit, discriminative, dora, feature_extraction, full_finetuning" in told
    assert "graft train -m seed=0,1,2" in told


def test_the_strategies_are_listed_with_what_each_trains(graft, capsys):
    assert graft("strategies", "backbone=timm", "backbone.model=test_vit", "backbone.image_size=32") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert len(lines) == len(list((configs_dir() / "strategy").glob("*.yaml")))  # a line for each
    rows = {line.split()[1]: line for line in lines}
    assert {"feature_extraction", "knn", "lora", "surgical"} <= rows.keys()
    assert " 100.00% " in rows["full_finetuning"]
    assert " 0 " in rows["linear_probe"]
    assert graft("strategies", "vit") == 2
    assert "backbone=resnet18" in capsys.readouterr().err


def test_the_help_of_evaluate_needs_no_run(graft, capsys):
    assert graft("evaluate", "--help") == 0
    assert "graft evaluate run=<folder>" in capsys.readouterr().out


# --- Hydra behind it


def test_a_command_gets_its_configuration_and_a_folder(graft, jobs):
    jobs.then = lambda cfg: RunFolder.create(cfg.paths.run_dir) and 0.5
    assert graft("train", "name=trial", "seed=3", "backbone=resnet18") == 0
    (cfg,) = jobs
    assert (cfg.seed, cfg.backbone.model) == (3, "resnet18")
    (folder,) = Path("logs/runs/trial").iterdir()
    assert [file.name for file in folder.iterdir()] == ["status.json"]  # nothing of Hydra's


def test_while_a_job_runs_the_line_is_the_users_so_that_lightning_can_repeat_it(graft, jobs):
    seen = []
    jobs.then = lambda cfg: seen.append(list(sys.argv)) or 0.5
    assert graft("train", "seed=3", "-r") == 0
    assert seen == [["/somewhere/bin/graft", "train", "seed=3", "-r"]]
    assert sys.argv == ["/somewhere/bin/graft", "train", "seed=3", "-r"]
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_cfg_job_prints_the_configuration_and_runs_nothing(graft, jobs, capsys):
    assert graft("train", "seed=7", "--cfg", "job") == 0
    assert OmegaConf.create(capsys.readouterr().out).seed == 7
    assert jobs == []
    assert nothing_was_made()


def test_info_says_where_values_come_from(graft, jobs, capsys):
    assert graft("train", "--info", "defaults") == 0
    assert "backbone/efficientnet_lite0" in capsys.readouterr().out
    assert jobs == []


@pytest.mark.parametrize("line", ["seed=0,1 -m", "name=a --multirun seed=0,1"])
def test_a_sweep_runs_every_job_wherever_the_flag_stands(line, graft, jobs):
    assert graft("train", *line.split()) == 0
    assert [cfg.seed for cfg in jobs] == [0, 1]


def test_a_grid_ends_with_how_to_compare_its_runs(graft, jobs, capsys):
    jobs.then = lambda cfg: 0.5
    assert graft("train", "-m", "seed=0,1", "hydra.sweep.dir=logs/sweeps/grid") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "compare the runs: graft compare logs/sweeps/grid"


def test_hydra_prints_what_it_says_itself_and_nothing_that_jobs_log(graft, jobs, capsys):
    jobs.then = lambda cfg: logging.getLogger("graft.train").warning("from the job") or 0.5
    assert graft("train", "-m", "seed=0") == 0
    told = capsys.readouterr().out
    assert told.count("Launching 1 jobs locally") == 1
    assert "from the job" not in told


def test_a_job_of_a_sweep_that_fails_is_told_at_once_and_the_others_run(graft, jobs, capsys):
    def then(cfg: DictConfig) -> float:
        if cfg.seed == 0:
            raise GraftError("no luck")
        assert "no luck" in capsys.readouterr().err
        return 0.5

    jobs.then = then
    assert graft("train", "-m", "seed=0,1") == 1
    assert len(jobs) == 2
    assert "error: no luck" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["seed=abc", "seed=0,abc -m", "backbone=resnet81", "seed"])
def test_a_mistake_ends_before_anything_is_made(line, graft, jobs, capsys):
    assert graft("train", *line.split()) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert jobs == []
    assert nothing_was_made()


def test_mistakes_beside_a_flag_that_informs_are_told_with_the_nearest_key(graft, capsys):
    assert graft("train", "optimizer.lrr=1", "--cfg", "job") == 2
    assert "Did you mean 'optimizer.lr'" in capsys.readouterr().err


def test_an_unknown_flag_prints_the_usage(graft, jobs, capsys):
    with pytest.raises(SystemExit) as stop:
        graft("train", "--foo")
    assert stop.value.code == 2
    assert "unrecognized arguments: --foo" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(graft, jobs, capsys):
    Path("file").write_text("")
    assert graft("train", "hydra.run.dir=file/run") == 1
    assert capsys.readouterr().err.startswith("error: cannot make the run folder file/run: ")


def test_env_is_read_before_composing(graft, jobs):
    Path(".env").write_text("GRAFT_ROOT=elsewhere\n")
    seen = []
    jobs.then = lambda cfg: seen.append(cfg.paths.root) or 0.5
    try:
        assert graft("train") == 0
    finally:
        os.environ.pop("GRAFT_ROOT", None)
    assert seen == ["elsewhere"]


# --- how it ends


def raising(error: BaseException) -> Callable[[DictConfig], float]:
    def then(cfg: DictConfig) -> float:
        raise error

    return then


def test_an_error_of_ours_is_one_line(graft, jobs, capsys):
    jobs.then = raising(GraftError("the weights are broken"))
    assert graft("train") == 1
    assert capsys.readouterr().err == "error: the weights are broken\n"


def test_a_defect_prints_its_traceback(graft, jobs, capsys):
    jobs.then = raising(ZeroDivisionError("oh"))
    assert graft("train") == 1
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert "in then" in told
    assert told.endswith("ZeroDivisionError: oh\n")


def test_an_exception_of_hydras_or_omegaconfs_in_a_job_is_a_defect_too(graft, jobs, capsys):
    jobs.then = lambda cfg: cfg.no_such_key
    assert graft("train") == 1
    assert capsys.readouterr().err.startswith("Traceback")
    assert graft("train", "-m", "seed=0") == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "error", "code"),
    [
        ("", Interrupted(signal.SIGINT), 130),
        ("", Interrupted(signal.SIGTERM), 143),
        ("", KeyboardInterrupt(), 130),
        ("-m seed=0,1", Interrupted(signal.SIGINT), 130),
    ],
)
def test_signals_end_with_the_shells_codes(error, code, line, graft, jobs, capsys):
    jobs.then = raising(error)
    assert graft("train", *line.split()) == code
    assert len(jobs) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_secrets_are_not_printed(graft, jobs, capsys, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef")
    jobs.then = raising(GraftError("refused: 0123456789abcdef"))
    assert graft("train") == 1
    assert capsys.readouterr().err == "error: refused: ***\n"


# --- old runs


def test_resuming_uses_the_runs_folder_and_hands_the_values_on(graft, jobs, run):
    seen = []
    jobs.then = lambda cfg: seen.append((HydraConfig.get().overrides.task, HydraConfig.get().runtime.output_dir)) or 0.5
    assert graft("train", "resume=old runs/lr=1, it's", "trainer.max_epochs=9", "datamodule.root=moved") == 0
    ((overrides, folder),) = seen
    assert folder == str(run.path)
    assert jobs[0].resume == "old runs/lr=1, it's"
    assert list(overrides)[1:] == ["trainer.max_epochs=9", "datamodule.root=moved"]
    assert not Path("logs").exists()


def test_resuming_a_second_time_for_another_process_works_with_lightnings_line(graft, jobs, run):
    line = [f'hydra.run.dir="{run.path}"', "hydra.job.name=train_ddp_process_1", "hydra.output_subdir=null"]
    assert graft("train", f"resume={run.path}", *line) == 0
    assert len(jobs) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["resume=nope/run"], "there is no run folder"),
        (["resume="], "resume= names no run folder"),
        (["resume=old runs/lr=1, it's", "-m"], "resume goes on with one run: leave out -m"),
        (
            ["resume=old runs/lr=1, it's", "backbone=resnet18"],
            "'backbone=resnet18': a run that goes on",
        ),
        (["resume=old runs/lr=1, it's", "trainer.max_epoch=9"], "Did you mean 'trainer.max_epochs'"),
        (["resume=old runs/lr=1, it's", "seed=abc"], "seed: 'abc' is not a whole number"),
    ],
)
def test_what_cannot_be_resumed_is_told_before_anything_is_made(line, expected, graft, jobs, run, capsys):
    before = sorted(Path.cwd().rglob("*"))
    assert graft("train", *line) == 2
    assert expected in capsys.readouterr().err
    assert jobs == []
    assert sorted(Path.cwd().rglob("*")) == before


def test_resume_null_is_a_new_run(graft, jobs):
    assert graft("train", "resume=null") == 0
    assert jobs[0].resume is None


def test_evaluate_takes_any_folder_and_makes_none(graft, jobs, run):
    before = sorted(Path.cwd().rglob("*"))
    assert graft("evaluate", "run=old runs/lr=1, it's", "split=val") == 0
    assert (jobs[0].run, jobs[0].split) == ("old runs/lr=1, it's", "val")
    assert sorted(Path.cwd().rglob("*")) == before


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ([], "run: has no value yet; give it one: run=…"),
        (["run=nope"], "there is no run folder"),
        (["run="], "run= names no run folder"),
        (["run=old runs/lr=1, it's", "checkpoint=lats"], "Did you mean 'last'"),
    ],
)
def test_what_cannot_be_evaluated_is_told(line, expected, graft, jobs, run, capsys):
    assert graft("evaluate", *line) == 2
    assert expected in capsys.readouterr().err
    assert jobs == []


# --- completion


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("graft tr", "train"),
        ("graft train backbone=resn", "backbone=resnet18 backbone=resnet50"),
        ("graft train seed=1 strategy=l", "strategy=layerwise strategy=linear_probe strategy=lora strategy=lp_ft"),
        ("graft evaluate check", "checkpoint="),
        ("graft train backbone=nope optimizer.", ""),
        ("graft train ((( back", ""),
    ],
)
def test_the_tab_key(line, expected, graft, capsys, monkeypatch):
    monkeypatch.setenv("COMP_LINE", line)
    assert graft("-sc", "query=bash") == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == expected
    assert printed.err == ""


@pytest.mark.parametrize("line", ["-sc install=bash", "train -sc install=bash", "--shell-completion install=bash"])
def test_what_the_shell_is_to_run(line, graft, capsys):
    assert graft(*line.split()) == 0
    assert capsys.readouterr().out.rstrip().endswith("complete -o nospace -o default -F hydra_bash_completion graft")


# --- processes


def in_a_process(code: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize(
    ("line", "code"),
    [("--help", 0), ("train --help", 0), ("train --cfg job", 0), ("train seed=abc", 2), ("-sc query=bash", 0)],
)
def test_nothing_heavy_is_imported(line, code):
    program = f"""
import sys
sys.argv = ["graft", *{shlex.split(line)!r}]
from graft.cli import main
try:
    code = main()
except SystemExit as stop:
    code = stop.code
heavy = [name for name in {HEAVY!r} if name in sys.modules]
print(heavy, file=sys.stderr)
sys.exit(3 if heavy else code)
"""
    done = in_a_process(program, env={**os.environ, "COMP_LINE": "graft train back"})
    assert done.returncode == code, done.stderr


def test_ctrl_c_while_a_command_is_being_imported_ends_without_traceback(tmp_path):
    (tmp_path / "slow.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    program = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in a shell's background
sys.argv = ["graft", "train"]
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "graft.train":
            import slow
sys.meta_path.insert(0, Slow())
from graft.cli import main
sys.exit(main())
"""
    done = in_a_process(program, cwd=tmp_path)
    assert done.returncode == 130
    assert done.stderr == "stopped by Ctrl-C\n"


@pytest.mark.parametrize(("signum", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stop_while_torch_is_being_imported_is_written_down(tmp_path, signum, code):
    (tmp_path / "slow.py").write_text(
        f"import os, signal, time\nos.kill(os.getpid(), signal.{signum})\ntime.sleep(60)\n"
    )
    program = """
import sys
sys.argv = ["graft", "train", "hydra.run.dir=run"]
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "graft.fitting":
            import slow
sys.meta_path.insert(0, Slow())
from graft.cli import main
sys.exit(main())
"""
    done = in_a_process(program, cwd=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "interrupted"
    assert (tmp_path / "run" / "config.yaml").exists()  # the run can be gone on with


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--info", "defaults"]])
def test_a_reader_that_stops_early_is_no_error(flags):
    reading, writing = os.pipe()
    os.close(reading)
    program = f"import sys; sys.argv = {['graft', 'train', *flags]}; from graft.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_a_path_of_any_letters_needs_no_quotes_of_hydras(graft, capsys):
    assert graft("train", "--cfg", "job", "datamodule=image_folder", "datamodule.root=/x/my fotos äö (1)") == 0
    assert yaml.safe_load(capsys.readouterr().out)["datamodule"]["root"] == "/x/my fotos äö (1)"
    assert graft("train", "backbone=über") == 2
    assert "backbone=über: no such choice." in capsys.readouterr().err
