"""Paths of the user's data and weights, so that a run folder finds them again from wherever it is used."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

# By target, the keys that hold a path, and those that hold one unless it is a name that something else knows.
_PATHS = {
    "graft.data.ImageFolder": (("root",), ()),
    "graft.data.ImageTable": (("path",), ()),
    "graft.data.TextTable": (("path",), ()),
    "graft.data.Torchvision": (("root",), ()),
    "graft.data.HuggingFace": ((), ("dataset",)),
    "graft.data.Streaming": ((), ("folder",)),
    "graft.backbones.TimmBackbone": ((), ("weights",)),
    "graft.backbones.transformers.TransformersBackbone": ((), ("model", "weights")),
    "graft.runs.loggers.trackio_logger": (("folder",), ()),
    "graft.runs.loggers.wandb_logger": (("links",), ()),
}
_OF_OTHERS = {"datamodule": (("root", "path"), ())}  # by group, for a target that is a user's own
_WORDS = ("hub", "package", "none")  # where weights come from; a folder of that name is not meant


def with_absolute_paths(cfg: DictConfig) -> DictConfig:
    """Returns the configuration with the paths of data, weights, cache and trackers made absolute, from this folder.

    What is absolute already keeps its interpolations; so does all else.
    """
    cfg = cfg.copy()
    for group in ("datamodule", "backbone", *(f"logger.{name}" for name in cfg.get("logger", {}))):
        known = _OF_OTHERS.get(group, ((), ()))
        paths, perhaps = _PATHS.get(str(OmegaConf.select(cfg, f"{group}._target_")), known)
        for key in (*paths, *perhaps):
            said = OmegaConf.select(cfg, f"{group}.{key}")
            if not isinstance(said, str) or said in _WORDS:
                continue
            path = Path(said).expanduser()
            if said != str(path.absolute()) and (key in paths or path.exists()):
                OmegaConf.update(cfg, f"{group}.{key}", str(path.absolute()))
    folder = OmegaConf.select(cfg, "cache.folder")
    if folder is not None:
        cfg.cache.folder = str(Path(folder).expanduser().absolute())
    return cfg
