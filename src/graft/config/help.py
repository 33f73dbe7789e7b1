"""`graft <command> --help`; Hydra's own looks through all files twice and takes twice as long."""

from collections.abc import Iterator
from pathlib import Path
from string import Template

from omegaconf import OmegaConf

from graft.config.locate import configs_dir


def help_text(command: str, config_dir: str | None) -> str:
    """Returns the text of configs/hydra/help/<command>.yaml, with the groups and their choices.

    Args:
        command: Its name.
        config_dir: A folder of the user's own files, searched as well.
    """
    folders = [configs_dir(), *([Path(config_dir)] if config_dir else [])]
    words = OmegaConf.create({"hydra": {"help": OmegaConf.load(configs_dir() / "hydra" / "help" / f"{command}.yaml")}})
    listed = "".join(f"{group}: {', '.join(choices)}\n" for group, choices in _groups(folders))
    return Template(words.hydra.help.template).substitute(APP_CONFIG_GROUPS=listed)


def _groups(folders: list[Path]) -> Iterator[tuple[str, list[str]]]:
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in folder.rglob("*.yaml"):
            group = path.parent.relative_to(folder).as_posix()
            if group != "." and group.partition("/")[0] != "hydra":
                found.setdefault(group, set()).add(path.stem)
    return ((group, sorted(found[group])) for group in sorted(found))
