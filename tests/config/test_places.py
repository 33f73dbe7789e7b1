import pytest
from omegaconf import OmegaConf

from graft.config.places import with_absolute_paths


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to start in, with a file or a folder for each kind of name."""
    monkeypatch.chdir(tmp_path)
    for name in ("small_bert", "imdb", "resnet18", "MNIST", "hub"):
        (tmp_path / name).mkdir()
    (tmp_path / "w.pth").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("group", "target", "key", "value"),
    [
        ("datamodule", "mine.Own", "root", "photos"),
        ("datamodule", "graft.data.ImageFolder", "root", "photos"),
        ("datamodule", "graft.data.TextTable", "path", "t.csv"),
        ("datamodule", "graft.data.HuggingFace", "dataset", "imdb"),
        ("datamodule", "graft.data.Streaming", "folder", "imdb"),
        ("backbone", "graft.backbones.TimmBackbone", "weights", "w.pth"),
        ("backbone", "graft.backbones.transformers.TransformersBackbone", "model", "small_bert"),
        ("backbone", "graft.backbones.transformers.TransformersBackbone", "weights", "w.pth"),
    ],
)
def test_what_is_a_path_becomes_absolute(here, group, target, key, value):
    cfg = OmegaConf.create({group: {"_target_": target, key: value}})
    assert with_absolute_paths(cfg)[group][key] == str(here / value)
    assert cfg[group][key] == value


@pytest.mark.parametrize(
    ("group", "target", "key", "value"),
    [
        ("datamodule", "graft.data.HuggingFace", "dataset", "owner/name"),
        ("datamodule", "graft.data.Torchvision", "dataset", "MNIST"),
        ("datamodule", "graft.data.Streaming", "folder", "s3://bucket/imdb"),
        ("backbone", "graft.backbones.TimmBackbone", "model", "resnet18"),
        ("backbone", "graft.backbones.TimmBackbone", "weights", "hub"),
        ("backbone", "graft.backbones.transformers.TransformersBackbone", "model", "bert-base-uncased"),
        ("datamodule", "mine.Own", "subset", "photos"),
        ("datamodule", "graft.data.ImageFolder", "root", "???"),
    ],
)
def test_what_is_a_name_stays_even_where_a_folder_is_called_so(here, group, target, key, value):
    cfg = OmegaConf.create({group: {"_target_": target, key: value}})
    assert with_absolute_paths(cfg) == cfg


def test_what_the_runs_of_a_tracker_share_is_found_again_from_another_folder(here):
    trackers = {
        "wandb": {"_target_": "graft.runs.loggers.wandb_logger", "links": "${logs}/wandb"},
        "trackio": {"_target_": "graft.runs.loggers.trackio_logger", "folder": "${logs}/trackio"},
        "tensorboard": None,
    }
    cfg = with_absolute_paths(OmegaConf.create({"logs": "./logs", "logger": trackers}))
    assert cfg.logger.wandb["links"] == str(here / "logs" / "wandb")
    assert cfg.logger.trackio["folder"] == str(here / "logs" / "trackio")


def test_an_interpolation_stays_where_it_is_absolute_already(here, monkeypatch):
    monkeypatch.setenv("MY_DATA", "/data")
    node = {"_target_": "graft.data.ImageFolder", "root": "${oc.env:MY_DATA}/flowers"}
    cfg = with_absolute_paths(OmegaConf.create({"datamodule": node}))
    assert OmegaConf.to_container(cfg, resolve=False)["datamodule"]["root"] == node["root"]
    cfg = OmegaConf.create({"paths": {"root": "."}, "datamodule": node | {"root": "${paths.root}/data"}})
    assert with_absolute_paths(cfg).datamodule.root == str(here / "data")
