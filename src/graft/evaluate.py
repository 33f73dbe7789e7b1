"""`graft evaluate`: scores a run again, from its folder alone."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from graft.build import as_one_process, build_backbone, build_datamodule, build_strategy, build_task, build_trainer
from graft.expected_warnings import ignore_expected_warnings
from graft.forgetting import forgetting
from graft.precompute import precompute_features
from graft.reports.ending import reporting
from graft.reports.terminal import forgetting_table, rendered, scores_table
from graft.restoring import with_data
from graft.runs.atomic import write_json
from graft.runs.folder import RunFolder
from graft.runs.log import logging_to
from graft.runs.signals import signals
from graft.scoring import load_checkpoint, score

log = logging.getLogger(__name__)


def evaluate(cfg: DictConfig) -> dict[str, Any]:
    """Scores a checkpoint of a run on one split, as the training did, and leaves the scores in `evaluations/`.

    With `source`, what the backbone still can of what it was pretrained for instead, see `graft.forgetting`; that goes
    into the report too.

    Returns:
        `<split>/<metric>`, or what was found of the source.

    Raises:
        GraftError: The folder is no run, or lacks the checkpoint.
    """
    run = RunFolder.open(cfg.run)
    with signals(), logging_to(run.log):
        if cfg.source is not None:
            return source_scored(run, Path(cfg.source).expanduser())
        scores = score_again(run, cfg.split, cfg.checkpoint, cfg.data)
        before = run.load_summary() if run.summary.exists() else {}
        target = run.path / "evaluations" / f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S-%f}.json"
        target.parent.mkdir(exist_ok=True)
        write_json(target, {"split": cfg.split, "checkpoint": cfg.checkpoint, **scores})
        log.info("%s\nwritten to: %s", rendered(scores_table(scores, before)), target)
    return scores


def score_again(run: RunFolder, split: str, checkpoint: str, data: str | None = None) -> dict[str, float]:
    """Rebuilds what the run trained, and scores it; `data`: where its data lie now, if they were moved."""
    ignore_expected_warnings()
    path = run.checkpoint(checkpoint)
    cfg = with_data(as_one_process(run.load_config()), data)
    backbone = build_backbone(cfg)
    datamodule = build_datamodule(cfg, backbone)
    run.keep_splits({split: datamodule.sample_ids(split) for split in datamodule.splits})
    task = build_task(cfg, backbone, build_strategy(cfg, backbone), datamodule.targets())
    load_checkpoint(task, path)
    trainer = build_trainer(cfg, callbacks=[], loggers=[])
    precompute_features(cfg, trainer, task, datamodule, [split])
    return score(trainer, task, datamodule, split)


def source_scored(run: RunFolder, source: Path) -> dict[str, Any]:
    """Measures forgetting, keeps it in `forgetting.json` and makes the report anew."""
    with reporting(run):
        found = forgetting(run, source)
        run.save_json(run.forgetting, found)
    log.info("%s\nwritten to: %s", rendered(forgetting_table(found)), run.forgetting)
    return found
