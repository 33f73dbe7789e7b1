"""`graft strategies`: what each strategy would train of a backbone, without data and without its weights."""

import re
from collections.abc import Iterator

from rich.table import Table

from graft.backbones.weights import RESTORED
from graft.build import build_backbone, build_strategy
from graft.config.compose import check_command_line, composed
from graft.config.locate import configs_dir
from graft.errors import ConfigError
from graft.picking import AUTO
from graft.reports.terminal import rendered
from graft.strategies.table import learning_parameters


def list_strategies(overrides: list[str]) -> None:
    """Prints a line for each file in configs/strategy.

    Args:
        overrides: As for `graft train`; the backbone counts.

    Raises:
        ConfigError: An override is wrong.
    """
    check_command_line("train", overrides)
    table = Table(title_justify="left", title=f"backbone: {composed('train', overrides).backbone.model}")
    table.add_column("strategy", no_wrap=True)
    table.add_column("trains of the backbone", justify="right")
    table.add_column("share", justify="right")
    table.add_column("what it does")
    for name, description in descriptions():
        table.add_row(name, *_counted([*overrides, f"strategy={name}"]), description)
    print(rendered(table))
    print("The head comes on top: of one linear layer, as many parameters a class as there are features, and one.")


def descriptions() -> Iterator[tuple[str, str]]:
    """Yields the names of the strategies, and how the comment that opens each one's file begins, without its source."""
    for path in sorted((configs_dir() / "strategy").glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = [line.removeprefix("# ") for line in lines if line.startswith("# ") and "@package" not in line]
        yield path.stem, re.split(r"[.:;] | \(", " ".join(comment))[0].rstrip(".")


def _counted(overrides: list[str]) -> tuple[str, str]:
    """Parameters of the backbone that are trained in any phase, and their share of all that it came with."""
    cfg = composed("train", [*overrides, f"backbone.weights={RESTORED}", "trainer.max_epochs=-1"])
    backbone = build_backbone(cfg)
    size = sum(stage.size for stage in backbone.stages)
    if cfg.strategy.get("stage") == AUTO:
        sizes = sorted(stage.size for stage in backbone.stages)
        return f"{sizes[0]:,} to {sizes[-1]:,}", f"{sizes[0] / size:.2%} to {sizes[-1] / size:.2%}"
    try:
        trained = learning_parameters(build_strategy(cfg, backbone), backbone.stages)
    except ConfigError as error:
        return "not possible", str(error).split(": ", 1)[-1].splitlines()[0][:40]
    return f"{trained:,}", f"{trained / size:.2%}"
