"""A model card: what a run's folder says of a model, for whoever gets it without the folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from graft.data.splits import SPLITS
from graft.exporting import licences
from graft.runs.secrets import redact

_PIPELINES = {
    ("images", "single_label"): "image-classification",
    ("images", "multi_label"): "image-classification",
    ("texts", "single_label"): "text-classification",
    ("texts", "multi_label"): "text-classification",
}
_WHAT = {
    "single_label": "Sorts {} into {} classes.",
    "multi_label": "Says of {} which of {} labels they have.",
    "regression": "Estimates for {} {} value(s).",
}
_SHOWN = 30  # classes to name


@dataclass(frozen=True)
class Facts:
    """What a run's folder holds of it.

    Attributes:
        settings: the run's config, plain values.
        summary: `summary.json`.
        data: `data.json`.
        scores: `scores.json`; empty where there is none.
        over_seeds: by metric, mean and standard deviation over runs of other seeds; empty where there are none.
        seeds: how many these are, this one included.
    """

    settings: Mapping[str, Any]
    summary: Mapping[str, Any]
    data: Mapping[str, Any]
    scores: Mapping[str, Any]
    over_seeds: Mapping[str, tuple[float, float]]
    seeds: int


def model_card(
    facts: Facts,
    *,
    form: str,
    loading: str,
    checked: Mapping[str, Any],
    quantized: Mapping[str, Any] | None,
    licence_files: list[str],
    files: Mapping[str, int],
) -> str:
    """Returns Markdown with the header that the Hugging Face Hub reads.

    Args:
        facts: Of the run.
        form: Of the export.
        loading: Markdown that says how to load it.
        checked: What `Check.told` returns.
        quantized: What was measured of int8 beside float32.
        licence_files: Copied texts of licences.
        files: What the folder holds, and bytes.
    """
    settings, data, kind = facts.settings, facts.data, str(facts.data["kind"])
    weights = licences.licence_of_weights(settings["backbone"])
    of_data = licences.licence_of_data(settings["datamodule"])
    both = licences.licence_of_both(weights, of_data)
    environment = Environment(
        loader=PackageLoader("graft.exporting", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    classes = [_cell(name) for name in data["classes"]]
    text = environment.get_template("card.md.jinja").render(
        header=_header(facts, both),
        name=settings["name"],
        what=_WHAT[kind].format(data["samples_are"], len(classes)),
        backbone=_backbone(settings),
        strategy=settings["strategy"]["name"],
        kind=kind,
        loading=loading,
        classes=", ".join(classes[:_SHOWN]) + (" …" if len(classes) > _SHOWN else ""),
        counted=["samples", *(classes[:_SHOWN] if kind != "regression" else [])],
        data=_data(data, settings, facts.scores.get("split", "test")),
        scores=_scores(facts),
        monitored=_monitored(settings),
        interval={"split": facts.scores.get("split", "test"), "resamples": facts.scores.get("resamples")},
        seeds={"count": facts.seeds} if facts.seeds > 1 else None,
        seed=settings["seed"],
        facets=_facets(facts),
        calibration=_calibration(facts.summary),
        training=_training(facts),
        licences={
            "weights": weights,
            "data": of_data,
            "both": both,
            "files": ", ".join(f"`{file}`" for file in licence_files),
        },
        format=form,
        checked=checked,
        quantized=quantized,
        files=files,
    )
    return redact(text)


def _header(facts: Facts, both: str) -> str:
    settings, data = facts.settings, facts.data
    pipeline = _PIPELINES.get((str(data["samples_are"]), str(data["kind"])))
    split = next((split for split in ("test", "val") if _metrics(facts.summary, split)), "val")
    name = str(settings["name"])
    results = [
        EvalResult(
            task_type=pipeline or "tabular-regression",
            dataset_type=str(settings["datamodule"]["name"]),
            dataset_name=str(settings["datamodule"]["name"]),
            dataset_split=split,
            metric_type=metric,
            metric_name=metric,
            metric_value=round(float(value), 6),
        )
        for metric, value in _metrics(facts.summary, split).items()
    ]
    card = ModelCardData(
        license=both,
        license_name="see-licences-below" if both == "other" else None,
        license_link="README.md" if both == "other" else None,
        pipeline_tag=pipeline,
        tags=["graft", "transfer-learning", "timm" if data["samples_are"] == "images" else "transformers"],
        model_name=name,
        eval_results=results or None,
    )
    return card.to_yaml()


def _metrics(summary: Mapping[str, Any], split: str) -> dict[str, float]:
    found = {key.removeprefix(f"{split}/"): value for key, value in summary.items() if key.startswith(f"{split}/")}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def _backbone(settings: Mapping[str, Any]) -> str:
    backbone = settings["backbone"]
    weights = {"none": "random weights", "hub": "weights from the hub", "package": "weights from a package"}
    given = str(backbone["weights"])
    return (
        f"backbone {Path(str(backbone.get('model', backbone['_target_']))).name} ({weights.get(given, 'own weights')})"
    )


def _data(data: Mapping[str, Any], settings: Mapping[str, Any], tested: str) -> dict[str, Any]:
    counts, samples = data["counts"], data["samples"]
    return {
        "name": f"`datamodule={settings['datamodule']['name']}`",
        "samples_are": data["samples_are"],
        "splits": {
            split: [samples[split], *list(counts.get(split, {}).values())[:_SHOWN]]
            for split in SPLITS
            if split in samples
        },
        "exact": data["duplicates"]["exact"],
        "near": data["duplicates"]["near"],
        "skipped": len(data["skipped"]),
        "tested": samples.get(tested, 0),
    }


def _scores(facts: Facts) -> list[dict[str, str]]:
    intervals = facts.scores.get("intervals", {})
    test, val = _metrics(facts.summary, "test"), _metrics(facts.summary, "val")
    rows = []
    for name in val or test:
        low_high = intervals.get(name)
        spread = facts.over_seeds.get(f"test/{name}")
        rows.append(
            {
                "name": name,
                "val": _number(val.get(name)),
                "test": _number(test.get(name)),
                "interval": f"{_number(low_high[0])} … {_number(low_high[1])}" if low_high else "",
                "seeds": f"{_number(spread[0])} ± {_number(spread[1])}" if spread else "",
            }
        )
    return rows


def _monitored(settings: Mapping[str, Any]) -> str:
    return str(settings["monitor"]).partition("/")[2]


def _facets(facts: Facts) -> dict[str, list[dict[str, Any]]]:
    metric = _monitored(facts.settings)
    return {
        facet: [
            {"name": _cell(name), "value": _number(part.get(metric)), "samples": part["samples"]}
            for name, part in parts.items()
        ]
        for facet, parts in facts.scores.get("facets", {}).items()
    }


def _calibration(summary: Mapping[str, Any]) -> str:
    error = summary.get("test/calibration_error", summary.get("val/calibration_error"))
    return "" if error is None else f" (expected calibration error {_number(error)})"


def _training(facts: Facts) -> dict[str, Any]:
    settings, summary = facts.settings, facts.summary
    optimizer, datamodule = settings["optimizer"], settings["datamodule"]
    told = {
        "strategy": settings["strategy"]["name"],
        "optimizer": f"{str(optimizer['_target_']).rpartition('.')[2]}, learning rate {optimizer['lr']},"
        f" weight decay {optimizer.get('weight_decay')}",
        "scheduler": str(settings["scheduler"].get("_target_", "")).rpartition(".")[2],
        "batch size": datamodule["batch_size"],
        "epochs, steps": f"{summary.get('epochs')}, {summary.get('steps')}",
        "augmentation": ", ".join(settings["augmentation"]) or "none",
        "precision": settings["trainer"]["precision"],
        "seed, seed of the splits": f"{settings['seed']}, {datamodule.get('split', {}).get('seed')}",
        "best checkpoint by": f"{settings['monitor']} ({settings['mode']})",
        "parameters, trained": f"{summary.get('parameters/total'):,}, {summary.get('parameters/trainable'):,}",
        "seconds": round(float(summary.get("seconds", 0)), 1),
    }
    return {key: _cell(str(value)) for key, value in told.items()}


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else ""


def _cell(text: str) -> str:
    """A cell of a table may hold no bar and no line break."""
    return " ".join(str(text).split()).replace("|", "\\|")
