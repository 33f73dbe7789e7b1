"""How a report writes names, numbers and times."""

import math
from datetime import UTC, datetime
from typing import Any

_SPACE = "\u00a0"  # at which no line breaks
_CAPITALS = {"auroc": "AUROC", "f1": "F1", "mae": "MAE", "mse": "MSE", "r2": "R²", "rmse": "RMSE"}
_MOST_DECIMALS = 6
_LONGEST = 28  # characters of a name beside a curve


def label(name: str) -> str:
    """The name of a metric or of a column, as one writes it in a text."""
    return " ".join(_CAPITALS.get(word, word) for word in name.split("_"))


def short(name: str) -> str:
    """A name that leaves room for the picture beside it."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def number(value: Any) -> str:
    """Whole numbers with their thousands apart, others with four digits; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, int) or 1e3 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def decimals(size: float, leading: int = 3) -> int:
    """Digits after the point that a number of this size needs, for its leading ones to be seen."""
    if not size or not math.isfinite(size):
        return leading
    return min(max(0, leading - math.ceil(math.log10(abs(size)))), _MOST_DECIMALS)


def fixed(value: float | None, places: int) -> str:
    """A number with so many digits after the point; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:,.{places}f}"


def percent(value: float) -> str:
    """A share of 1; what is not quite nothing or all is not called so."""
    if 0 < value < 0.005:
        whole = "<1"
    elif 0.995 <= value < 1:
        whole = ">99"
    else:
        whole = f"{100 * value:.0f}"
    return f"{whole}{_SPACE}%"


def moment(text: str) -> str:
    """A point in time, to the minute."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """Seconds, where there are many in minutes or hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{_SPACE}h {minutes}{_SPACE}min"
    if minutes:
        return f"{minutes}{_SPACE}min {rest}{_SPACE}s"
    return f"{seconds:.1f}{_SPACE}s"
