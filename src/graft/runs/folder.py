"""One run in one folder: the names of its files, and how they are made, kept and found again."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from omegaconf import DictConfig, OmegaConf

from graft.errors import ConfigError, GraftError, did_you_mean
from graft.runs.atomic import write_json, write_text
from graft.runs.rank import rank
from graft.runs.secrets import redact_tree
from graft.runs.signals import shielded
from graft.runs.signs import giving_signs
from graft.runs.splits import check_splits, save_splits
from graft.runs.status import State, Status, read_status

# What Hydra's resolvers say is known only while it runs; an environment variable is asked for again at each start.
_HYDRA_ONLY = re.compile(r"\$\{(?:hydra|now):[^{}]*\}")


class RunFolder:
    """The folder of a run.

    Of the processes of a distributed training only the first writes; in the others, what writes does nothing.

    Args:
        path: The folder; use `create` for a new run and `open` for an old one.

    Attributes:
        path: The folder, absolute.
        config, environment, status, metrics, summary, splits, weights, data, stages, start, stage_choice, found,
            interpolation, forgetting, augmentation, predictions, scores, errors, report, log: The paths of its files.
        checkpoints, adapter: The paths of its folders.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().resolve()
        self.config = self.path / "config.yaml"
        self.environment = self.path / "environment.json"
        self.status = self.path / "status.json"
        self.metrics = self.path / "metrics.csv"
        self.summary = self.path / "summary.json"
        self.checkpoints = self.path / "checkpoints"
        self.splits = self.path / "splits.parquet"
        self.weights = self.path / "weights.json"
        self.data = self.path / "data.json"
        self.stages = self.path / "stages.json"
        self.start = self.path / "start.json"
        self.stage_choice = self.path / "stage_choice.json"
        self.found = self.path / "find.json"
        self.interpolation = self.path / "interpolation.json"
        self.adapter = self.path / "adapter"
        self.forgetting = self.path / "forgetting.json"
        self.augmentation = self.path / "augmentation.png"
        self.predictions = self.path / "predictions.parquet"
        self.scores = self.path / "scores.json"
        self.errors = self.path / "errors.parquet"
        self.report = self.path / "report.html"
        self.log = self.path / "train.log"
        self._writes = rank() == 0

    @classmethod
    def create(cls, path: str | Path) -> Self:
        """Claims a folder for a new run, which counts as running from here on.

        Of several processes that claim the same folder at the same time, one gets it.

        Raises:
            ConfigError: When the folder holds a run already, or any other file.
        """
        run = cls(path)
        if not run._writes:
            return run
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            stranger = next((entry.name for entry in run.path.iterdir() if entry != run.status), None)
            if stranger is not None and not run.status.exists():
                raise ConfigError(
                    f"{run.path} is not empty (it holds {stranger}); choose another hydra.run.dir for the run"
                )
            os.close(os.open(run.status, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:  # the status, or a file in the place of the folder
            raise ConfigError(
                f"{run.path} already holds a run; choose another hydra.run.dir or go on with `graft train resume=…`"
                if run.path.is_dir()
                else f"{run.path} is a file; choose another hydra.run.dir"
            ) from None
        except OSError as error:
            raise GraftError(f"cannot make the run folder {run.path}: {error.strerror}") from error
        Status.begin().write(run.status)
        return run

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Opens the folder of an existing run.

        Raises:
            GraftError: When there is no such folder, or when it is not that of a run.
        """
        run = cls(path)
        if not run.path.is_dir():
            raise GraftError(f"there is no run folder {run.path}.{_nearest_runs(run.path)}")
        if not run.status.exists():
            raise GraftError(f"{run.path} is not the folder of a run: status.json is missing")
        if not run.config.exists():
            raise GraftError(
                f"config.yaml is missing in {run.path}: the run was stopped before it began; start it anew"
            )
        return run

    def resume(self) -> None:
        """Claims the folder for this process, which goes on with the run.

        Raises:
            GraftError: When another process is still at it.
        """
        if not self._writes:
            return
        previous = read_status(self.status)
        if previous.state is State.RUNNING:
            raise GraftError(f"{self.path} is still running {previous.where}, before you go on with it")
        Status.begin(previous).write(self.status)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Writes down how the block ends: done, failed or interrupted. The exception goes on its way."""
        try:
            with giving_signs(self.status) if self._writes else contextlib.nullcontext():
                yield
        except BaseException as error:
            with shielded(), contextlib.suppress(GraftError):  # on a full disk the first error is the one to show
                self._end(error)
            raise
        with shielded():
            self._end(None)

    def save_config(self, cfg: DictConfig) -> None:
        """Writes the run's config: with its interpolations, so that no secret of the environment gets into the file.

        Only what Hydra alone knows (`${hydra:…}`, `${now:…}`) is written out, and its own part and the path of the
        folder itself are left out, so that the folder can be moved.
        """
        data = OmegaConf.to_container(cfg, resolve=False)
        assert isinstance(data, dict)
        data.pop("hydra", None)
        if isinstance(data.get("paths"), dict):
            data["paths"].pop("run_dir", None)
        if self._writes:
            write_text(self.config, OmegaConf.to_yaml(OmegaConf.create(redact_tree(_written_out(data)))))

    def load_config(self) -> DictConfig:
        """Reads the run's config back, with `paths.run_dir` where the folder is now. Needs no Hydra to resolve.

        Raises:
            GraftError: When the file is no config.
        """
        try:
            cfg = OmegaConf.load(self.config)
        except Exception as error:  # YAML's errors and OmegaConf's have no common parent
            raise GraftError(f"{self.config} cannot be read: {error}") from error
        if not isinstance(cfg, DictConfig):
            raise GraftError(f"{self.config} is no config: it holds no keys")
        OmegaConf.update(cfg, "paths.run_dir", str(self.path))
        return cfg

    def save_origin(self, origin: dict[str, Any]) -> None:
        """Begins `environment.json` with what a new run was composed of, see `graft.config.origin`."""
        if self._writes:
            write_json(self.environment, {**redact_tree(origin), "sessions": []})

    def load_environment(self) -> dict[str, Any]:
        """Reads `environment.json`; runs from before it held `choices` and `sweep` have none."""
        told = _load_json(self.environment) if self.environment.exists() else {}
        return {"choices": {}, "sweep": None, "sessions": [], **told}

    def picture_of(self, name: str) -> Path:
        """Returns the path of the picture of something that was found before the training, such as `Learning rate`."""
        return self.path / f"{name.lower().replace(' ', '_')}.png"

    def add_session(self, session: dict[str, Any]) -> None:
        """Adds one start, or continuation, of the run to `environment.json`."""
        if self._writes:
            told = self.load_environment()
            write_json(self.environment, {**told, "sessions": [*told["sessions"], redact_tree(session)]})

    def save_summary(self, summary: dict[str, Any]) -> None:
        """Writes the summary: plain numbers and words, by name."""
        if self._writes:
            write_json(self.summary, redact_tree(summary))

    def save_json(self, path: Path, data: Any) -> None:
        """Writes plain values to one of the run's files."""
        if self._writes:
            write_json(path, data)

    def keep_splits(self, splits: Mapping[str, Sequence[str]]) -> None:
        """Writes down which sample is in which split when the run begins, and compares when it goes on.

        Raises:
            GraftError: When the samples, or their splits, are others than before.
        """
        if self.splits.exists():
            check_splits(self.splits, splits)
        elif self._writes:
            save_splits(self.splits, splits)

    def keep_weights(self, digest: str) -> None:
        """Writes down with which weights the run begins, and compares when it goes on.

        Features and penalties are of those weights, and the checkpoint does not have them where they have learnt since.

        Args:
            digest: Of all tensors of the backbone before anything has learnt.

        Raises:
            GraftError: They are others than before.
        """
        if not self.weights.exists():
            self.save_json(self.weights, {"sha256": digest})
        elif _load_json(self.weights).get("sha256") != digest:
            raise GraftError(
                f"the pretrained weights are not those that the run in {self.path} began with: what backbone.weights"
                " names has other tensors now. Put them back as they were, or start a new run."
            )

    def earlier_seconds(self) -> float:
        """Returns what the starts of the run before this one took together, without those that were killed."""
        return read_status(self.status).seconds

    def load_summary(self) -> dict[str, Any]:
        """Reads the summary.

        Raises:
            GraftError: When there is none yet, or when the file is damaged.
        """
        if not self.summary.exists():
            state = read_status(self.status).state
            raise GraftError(f"summary.json is missing in {self.path}: the run is {state}; it is written at the end")
        return _load_json(self.summary)

    def load_data(self) -> dict[str, Any]:
        """Reads what the data were.

        Raises:
            GraftError: When the run was stopped before it had read them, or when the file is damaged.
        """
        if not self.data.exists():
            raise GraftError(f"data.json is missing in {self.path}: the run was stopped before it had read its data")
        return _load_json(self.data)

    def checkpoint(self, name: str) -> Path:
        """Returns the path of a checkpoint.

        Args:
            name: `best` or `last`.

        Raises:
            GraftError: When there is none of that name; lists those that there are.
        """
        path = self.checkpoints / f"{name}.ckpt"
        if not path.exists():
            there = sorted(file.stem for file in self.checkpoints.glob("*.ckpt"))
            raise GraftError(f"{path} is missing; " + (f"there is {', '.join(there)}" if there else "there is none"))
        return path

    def _end(self, error: BaseException | None) -> None:
        if self._writes:
            read_status(self.status).end(error).write(self.status)


def _written_out(data: Any) -> Any:
    """The same tree with the values of Hydra's own resolvers in the place of their interpolations."""
    if isinstance(data, dict):
        return {key: _written_out(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_written_out(value) for value in data]
    if not isinstance(data, str) or "${" not in data:
        return data
    if _HYDRA_ONLY.fullmatch(data):
        return OmegaConf.create({"value": data}).value
    return _HYDRA_ONLY.sub(lambda found: str(OmegaConf.create({"value": found[0]}).value), data)


def _load_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GraftError(f"{path} is damaged ({error})") from error
    if not isinstance(data, dict):
        raise GraftError(f"{path} is damaged (it holds no names)")
    return data


def _nearest_runs(path: Path) -> str:
    """A hint at run folders with a similar name, looked for near the nearest folder above that exists."""
    above = next(folder for folder in path.parents if folder.is_dir())
    patterns = ("*/status.json", "*/*/status.json")
    runs = [str(status.parent) for pattern in patterns for status in above.glob(pattern)]
    return did_you_mean(str(path), runs)
