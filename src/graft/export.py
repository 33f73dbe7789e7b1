"""`graft export`: a run's model for other programs, from its run folder alone, checked against the run."""

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from graft.build import build_datamodule
from graft.comparing.reading import DRAWN, read_runs
from graft.comparing.settings import differing
from graft.comparing.statistics import spread
from graft.data.datamodule import DataModule
from graft.errors import ConfigError, GraftError, many
from graft.expected_warnings import ignore_expected_warnings
from graft.exporting.card import Facts, model_card
from graft.exporting.checking import Check, Runner, check
from graft.exporting.examples import SPLIT, Examples, random_examples, real_examples
from graft.exporting.licences import save_licences
from graft.exporting.loading import loading_of
from graft.exporting.network import Network
from graft.exporting.preparation import SCRIPT, described, output_name, save_script, save_tokenizer
from graft.exporting.programs import check_onnx_there, onnx_runner, program_runner, save_onnx, save_program, traced
from graft.exporting.quantizing import quantized, speed
from graft.exporting.rebuildable import rebuilding, rebuilt_runner, save_rebuildable
from graft.restoring import restored_task
from graft.runs.atomic import appearing
from graft.runs.folder import RunFolder
from graft.runs.log import logging_to
from graft.runs.signals import signals
from graft.runs.status import State, read_status
from graft.tasks import Supervised
from graft.tasks.intervals import scores_by
from graft.tasks.predictions import Predictions

log = logging.getLogger(__name__)

_FILES = {"onnx": "model.onnx", "torch": "model.pt2", "safetensors": "model.safetensors", "hub": "model.safetensors"}


@dataclass(frozen=True)
class Model:
    """What is exported.

    Attributes:
        run: where it comes from.
        cfg: of the run.
        task: with its trained weights, on the CPU.
        examples: inputs to follow and to check it with.
        datamodule: the run's data; None where they cannot be read any more.
    """

    run: RunFolder
    cfg: DictConfig
    task: Supervised
    examples: Examples
    datamodule: DataModule | None


def export(cfg: DictConfig) -> Path:
    """Writes a run's model in another format, with its preprocessing and a model card, into a new folder.

    What was written is loaded again and compared with the run's own predictions, in batches of 1 sample and of
    several; where they differ by more than 1e-4, nothing is left.

    Returns:
        The folder.

    Raises:
        GraftError: The run is not finished or lacks its checkpoint, the folder exists, an extra is missing, or the
            exported model does not say what the run's says.
    """
    run = RunFolder.open(cfg.run)
    folder = _folder(cfg, run)
    _check(cfg, run)
    with signals(), logging_to(run.log):
        ignore_expected_warnings()
        model = _model(run, cfg.checkpoint)
        with appearing(folder) as temporary:
            checked = write(model, cfg.format, cfg.quantize, temporary)
        log.info(
            "max difference from the run's own predictions in float32: %.2g (at most 1e-4), on %s in batches of %s",
            *(checked.largest, checked.origin, " and ".join(map(str, checked.batches))),
        )
        print(f"exported: {folder}")
        if cfg.format == "hub":
            print(f"to upload: hf upload <you>/{run.load_config().name} {folder}")
    return folder


def write(model: Model, form: str, quantize: str | None, folder: Path) -> Check:
    """Writes all files of an export, and checks what it writes."""
    keys, classes = model.examples.keys, model.task.classes
    network = Network(model.task, keys)
    if form in ("onnx", "torch"):
        checked, measured = _write_program(model, network, form, quantize, folder)
        save_script(model.task.backbone.preprocess(train=False), folder)
    else:
        config = rebuilding(network, classes, str(model.task.kind))
        save_rebuildable(network, config, folder)
        _write_preparation(model, folder)
        checked, measured = check(model.task, model.examples, rebuilt_runner(folder), folder / _FILES[form]), None
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    _write_preparation(model, folder)
    _write_words(model, form, checked, measured, folder)
    return checked


def _write_program(
    model: Model, network: Network, form: str, quantize: str | None, folder: Path
) -> tuple[Check, dict[str, Any] | None]:
    path = folder / _FILES[form]
    program = traced(network, model.examples)
    if form == "onnx":
        save_onnx(program, model.examples, output_name(model.task.kind), path)
        return check(model.task, model.examples, onnx_runner(path), path), None
    save_program(program, path)
    plain = program_runner(path)
    checked = check(model.task, model.examples, plain, path)
    if quantize is None:
        return checked, None
    if model.datamodule is None:
        raise GraftError("quantize=int8 is measured on the run's validation split, which cannot be read: see above.")
    size = path.stat().st_size
    small = quantized(network)
    save_program(traced(small, model.examples), path)
    return checked, _measured(model, plain, program_runner(path), path.stat().st_size / size)


def _measured(model: Model, plain: Runner, small: Runner, size: float) -> dict[str, Any]:
    """What int8 costs and gains beside float32, on the validation split, which the test split is not for."""
    assert model.datamodule is not None
    first, second = _predicted(model, plain), _predicted(model, small)
    before, after = (scores_by(model.task.metrics, each, np.zeros(len(each.index)))["0.0"] for each in (first, second))
    quick = speed(plain, small, model.examples.batches)
    told: dict[str, Any] = {
        "config": "torchao Int8WeightOnlyConfig, a scale for each row",
        "split": SPLIT,
        "samples": len(first.index),
        "scores": {name: [_rounded(before[name]), _rounded(after[name])] for name in before if name != "samples"},
        "max_difference": float((first.values - second.values).abs().max()),
        "size": size,
        "speed": quick,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }
    log.info(
        "int8 beside float32 on %s of %s: %s; %.2f times the size; as fast in batches of %s",
        many(len(first.index), "sample"),
        SPLIT,
        ", ".join(f"{name} {old} -> {new}" for name, (old, new) in told["scores"].items()),
        size,
        ", ".join(f"{batch}: {ratio:.2f} times" for batch, ratio in quick.items()),
    )
    return told


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _predicted(model: Model, run: Runner) -> Predictions:
    assert model.datamodule is not None
    found = Predictions()
    for batch in model.datamodule.eval_dataloader(SPLIT):
        inputs = batch["inputs"] if model.examples.keys else {"images": batch["inputs"]}
        found.add(batch["index"], batch["target"], run(inputs))
    found.gather()
    return found


def _write_preparation(model: Model, folder: Path) -> None:
    preprocess = model.task.backbone.preprocess(train=False)
    told = described(preprocess, model.examples, model.task.classes, model.task.kind)
    _write_json(folder / "preprocessing.json", told)
    save_tokenizer(preprocess, folder)


def _write_words(model: Model, form: str, checked: Check, measured: dict[str, Any] | None, folder: Path) -> None:
    """Writes licences, `export.json` and the model card."""
    facts = _facts(model.run)
    texts = save_licences(facts.settings, folder)
    _write_json(
        folder / "export.json",
        {"format": form, "quantize": None if measured is None else "int8", "check": checked.told(), "int8": measured},
    )
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "README.md"
    }
    shapes = {name: list(value.shape) for name, value in model.examples.batches[0].items()}
    card = model_card(
        facts,
        form=form if measured is None else f"{form}, int8",
        loading=loading_of(form, str(facts.data["samples_are"]), shapes, SCRIPT if SCRIPT in files else None),
        checked=checked.told(),
        quantized=measured,
        licence_files=texts,
        files=files,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def _facts(run: RunFolder) -> Facts:
    over_seeds, count = _over_seeds(run)
    settings = cast("dict[str, Any]", OmegaConf.to_container(run.load_config(), resolve=True))
    scores = json.loads(run.scores.read_text(encoding="utf-8")) if run.scores.exists() else {}
    return Facts(settings, run.load_summary(), run.load_data(), scores, over_seeds, count)


def _over_seeds(run: RunFolder) -> tuple[dict[str, tuple[float, float]], int]:
    """Scores of the finished runs beside this one that differ from it in nothing but their seeds, itself included."""
    runs, _ = read_runs(status.parent for status in run.path.parent.glob("*/status.json"))
    own = next((each for each in runs if each.path == run.path), None)
    if own is None:
        return {}, 1
    alike = [each for each in runs if each.finished and not differing([own.asked, each.asked], without=DRAWN)]
    by_seed = list({each.seeds: each for each in alike}.values())
    if len(by_seed) < 2:
        return {}, 1
    found = {}
    for name in own.summary:
        values = [score for each in by_seed if (score := each.score(name)) is not None]
        told = spread(values) if len(values) == len(by_seed) else None
        if told is not None and told.deviation is not None:
            found[name] = (told.mean, told.deviation)
    return found, len(by_seed)


def _model(run: RunFolder, checkpoint: str) -> Model:
    cfg, task = restored_task(run, checkpoint)
    if not isinstance(task, Supervised):
        raise GraftError(f"graft export knows no tasks of {type(task).__name__}.")
    task.float().eval().requires_grad_(False)
    datamodule: DataModule | None = None
    try:
        datamodule = build_datamodule(cfg, task.backbone)
        examples = real_examples(datamodule)
    except (GraftError, OSError) as error:
        examples = random_examples(task.backbone.preprocess(train=False), str(error))
        log.warning("the run's data cannot be read, so that the check is on random inputs: %s", error)
    return Model(run, cfg, task, examples, datamodule)


def _check(cfg: DictConfig, run: RunFolder) -> None:
    """Looks for mistakes before any work."""
    if cfg.quantize is not None and cfg.format != "torch":
        raise ConfigError(
            f"quantize=int8 works with format=torch only, not with format={cfg.format}: torchao's weights are neither"
            " ONNX's nor plain tensors."
        )
    if (state := read_status(run.status).state) is not State.DONE:
        raise GraftError(
            f"{run.path} is no finished run, its state is {state}: go on with it by `graft train resume={run.path}`,"
            " then export it."
        )
    run.checkpoint(cfg.checkpoint)
    if cfg.format == "onnx":
        check_onnx_there()


def _folder(cfg: DictConfig, run: RunFolder) -> Path:
    name = cfg.format if cfg.quantize is None else f"{cfg.format}_{cfg.quantize}"
    folder = run.path / "exports" / name if cfg.to is None else Path(cfg.to).expanduser().absolute()
    if folder.exists():
        raise ConfigError(f"{folder} exists already: choose another folder, to=…, or remove it.")
    return folder


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
