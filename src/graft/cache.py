"""`graft cache`: what is kept of frozen backbones, images and texts, and the ways to check it and to be rid of it."""

import json
import math
from collections import Counter
from pathlib import Path

from rich.filesize import decimal
from rich.table import Table

from graft.caching import inventory as texts
from graft.errors import ConfigError, did_you_mean
from graft.features.inventory import Entry, damaged, entries, prune, unused_for
from graft.features.store import cache_folder
from graft.reports.terminal import rendered

_ACTIONS = ("list", "verify", "prune")


def cache(words: list[str]) -> None:
    """Does what the words say, see `graft cache --help`.

    Raises:
        ConfigError: They say nothing that can be done.
    """
    action, options = _understood(words)
    beside = [] if options.get("folder") else [(kind, texts.kept(kind)) for kind in texts.KINDS]
    root = Path(options.pop("folder", "") or cache_folder()).expanduser()
    found = entries(root)
    if action == "verify":
        _verify(found)
        _verify_texts(beside)
    elif action == "prune":
        chosen = _chosen(found, options)
        freed = prune(root, chosen)
        print(f"{len(chosen)} of {len(found)} removed from {root}: {decimal(freed)} freed")
        _prune_texts(beside, options)
    else:
        _list(found, root)
        for kind, kept in beside:
            print(f"{kind} beside them: {decimal(sum(each.size for each in kept))}, {len(kept)} kept")


def _understood(words: list[str]) -> tuple[str, dict[str, str]]:
    action, *rest = words if words and "=" not in words[0] else ["list", *words]
    if action not in _ACTIONS:
        raise ConfigError(f"graft cache {action}: there are {', '.join(_ACTIONS)}.{did_you_mean(action, _ACTIONS)}")
    options = {word.partition("=")[0]: word.partition("=")[2] for word in rest}
    known = ("folder", "unused_for", "name", "all") if action == "prune" else ("folder",)
    for name in options:
        if name not in known:
            raise ConfigError(f"graft cache {action} knows no '{name}', only {', '.join(known)}: see --help.")
    return action, options


def _verify(found: list[Entry]) -> None:
    for entry in found:
        broken = damaged(entry)
        print(f"{entry.folder.name[:8]}  {f'{broken} damaged parts removed' if broken else 'whole'}")
    print(f"{len(found)} checked")


def _verify_texts(beside: list[tuple[str, list[texts.Kept]]]) -> None:
    for kind, kept in beside:
        found = Counter(texts.verified(each) for each in kept)
        print(f"{kind}: {', '.join(f'{count} {state}' for state, count in found.items()) or 'none'}")


def _prune_texts(beside: list[tuple[str, list[texts.Kept]]], options: dict[str, str]) -> None:
    """As what was said of features has been understood; a name is one of theirs."""
    if "name" in options:
        return
    for kind, kept in beside:
        chosen = kept if "all" in options else texts.unused_for(kept, float(options["unused_for"]))
        freed = texts.prune(kind, chosen)
        print(f"{len(chosen)} of {len(kept)} {kind} removed: {decimal(freed)} freed")


def _chosen(found: list[Entry], options: dict[str, str]) -> list[Entry]:
    if len(options) != 1:
        raise ConfigError("graft cache prune removes what you say: unused_for=<days>, name=<how it begins>, or all.")
    if "all" in options:
        return found
    if name := options.get("name"):
        chosen = [entry for entry in found if entry.folder.name.startswith(name)]
        if len(chosen) != 1:
            raise ConfigError(f"name={name}: {len(chosen)} begin so; see `graft cache`.")
        return chosen
    try:
        days = float(options.get("unused_for", ""))
        if not math.isfinite(days):
            raise ValueError
    except ValueError as error:
        raise ConfigError(f"unused_for={options.get('unused_for', '')} is no number of days.") from error
    return unused_for(found, days)


def _list(found: list[Entry], root: Path) -> None:
    table = Table(title_justify="left", title=f"features and images in {root}")
    for heading in ("name", "kept", "backbone", "weights", "preprocessing", "precision"):
        table.add_column(heading)
    for heading in ("samples", "size", "last used"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in found:
        table.add_row(*_described(entry), f"{entry.samples:,}", decimal(entry.size), f"{entry.used:%Y-%m-%d %H:%M}")
    print(rendered(table) if found else f"no features and no images in {root}")
    print(f"{decimal(sum(entry.size for entry in found))} in all")


def _described(entry: Entry) -> tuple[str, ...]:
    key, name = entry.key, entry.folder.name[:8]
    if "images" in key:
        return name, f"{key['images']} images", "", "", key.get("preprocessing", "?"), ""
    model = _model(key.get("backbone", ""))
    arithmetic = f"{key.get('precision', '?').partition(',')[0]} on {key.get('device', '?')}"
    return name, "features", str(model), key.get("weights", "?")[:8], key.get("preprocessing", "?"), arithmetic


def _model(settings: str) -> str:
    """The model in a backbone's settings; `?` where somebody has edited them."""
    try:
        told = json.loads(settings)
    except ValueError:
        return "?"
    return str(told.get("model", "?")) if isinstance(told, dict) else "?"
