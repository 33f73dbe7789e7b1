"""Which files a new choice is made of, and the templates of their text."""

from collections.abc import Mapping
from pathlib import Path

from graft.scaffolding.asking import Wish

_TEMPLATES = Path(__file__).parent / "templates"
# For each kind and base: template, and the path that it is written to.
_FILES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("datamodule", "image_folder"): {
        "image_folder.yaml": "configs/datamodule/@name@.yaml",
        "test_image_folder.py": "tests/data/test_@name@.py",
    },
    ("datamodule", "image_table"): {
        "image_table.yaml": "configs/datamodule/@name@.yaml",
        "test_image_table.py": "tests/data/test_@name@.py",
    },
    ("datamodule", "text_table"): {
        "text_table.yaml": "configs/datamodule/@name@.yaml",
        "test_text_table.py": "tests/data/test_@name@.py",
    },
    ("datamodule", "python"): {
        "source.yaml": "configs/datamodule/@name@.yaml",
        "source.py": "src/graft/data/@name@.py",
        "test_source.py": "tests/data/test_@name@.py",
    },
    ("backbone", "timm"): {
        "timm.yaml": "configs/backbone/@name@.yaml",
        "test_timm.py": "tests/backbones/test_@name@.py",
    },
    ("backbone", "transformers"): {
        "transformers.yaml": "configs/backbone/@name@.yaml",
        "test_transformers.py": "tests/backbones/test_@name@.py",
    },
    ("backbone", "python"): {
        "network.yaml": "configs/backbone/@name@.yaml",
        "network.py": "src/graft/backbones/@name@.py",
        "test_network.py": "tests/backbones/test_@name@.py",
    },
    ("strategy", "phases"): {
        "strategy.yaml": "configs/strategy/@name@.yaml",
        "test_strategy.py": "tests/strategies/test_@name@.py",
    },
    ("task", "classification"): {
        "task.yaml": "configs/task/@name@.yaml",
        "task.py": "src/graft/tasks/@name@.py",
        "test_task.py": "tests/tasks/test_@name@.py",
    },
    ("experiment", "recipe"): {
        "experiment.yaml": "configs/experiment/@name@.yaml",
        "test_experiment.py": "tests/experiments/test_@name@.py",
    },
}
_NEXT: Mapping[tuple[str, str], str] = {
    ("datamodule", "image_folder"): "put a folder of images for each class into data/@name@",
    ("datamodule", "image_table"): "put the table and its images into data/@name@, and name its columns in the file",
    ("datamodule", "text_table"): "put the table into data/@name@.csv, and name its columns in the file",
    ("datamodule", "python"): "say in the Python file how your data lie",
    ("backbone", "python"): "put your network into the Python file",
    ("task", "classification"): "say in the Python file what you want to learn otherwise",
    ("strategy", "phases"): "say in the file what is to learn when",
    ("experiment", "recipe"): "say in the file what makes the recipe",
}


def files(wish: Wish) -> dict[str, str]:
    """Returns the texts by their paths, from the folder of the project on, with `/`; the test comes last."""
    named = _FILES[wish.kind, wish.base]
    return {_filled(path, wish): _filled(_text(template), wish) for template, path in named.items()}


def what_next(wish: Wish) -> str:
    """Returns what a user does before the first run; "" where there is nothing to do."""
    return _filled(_NEXT.get((wish.kind, wish.base), ""), wish)


def _text(template: str) -> str:
    return (_TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")


def _filled(text: str, wish: Wish) -> str:
    for mark, value in {"name": wish.name, "title": wish.title, "model": wish.model}.items():
        text = text.replace(f"@{mark}@", value)
    return text
