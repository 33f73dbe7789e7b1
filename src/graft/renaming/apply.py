"""Copies the repository under another name; copier runs it as a program in the folder of the copy.

In a project that is updated, that folder holds the user's own files as well: only those of the template are written.
Nothing but the standard library is imported, as the copy's own code may not be importable.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OLD = "graft"
ANSWERS = ".copier-answers.yml"
NOTICE = "NOTICE"
# The demonstration's recipes, and what says nearly the same without them.
_RECIPES = {
    "experiment=sentiment_finetuning": "datamodule=sentiment strategy=full_finetuning",
    "experiment=sentiment": "datamodule=sentiment",
    "experiment=elpv_finetuning": "datamodule=elpv strategy=full_finetuning",
    "experiment=elpv_feature_extraction": "datamodule=elpv",
}
_KEPT = ("LICENSE",)  # not renamed
_LEFT = (NOTICE, ANSWERS, "tests/test_init.py")  # written anew; the test would make a project of a project
_DEMOS = re.compile(r"configs/experiment/[^/]+\.yaml|tests/test_experiments\.py")


def title(name: str) -> str:
    """Returns a package's name as that of a class or a heading: `leaf_net` is LeafNet."""
    return "".join(word.capitalize() for word in name.split("_"))


def renamed(text: str, name: str) -> str:
    """Returns a text, or a path, with the new name in the place of the old one, in each of its three spellings."""
    spellings = {OLD: name, title(OLD): title(name), OLD.upper(): name.upper()}
    return re.sub("|".join(spellings), lambda found: spellings[found[0]], text)


def apply(source: Path, copy: Path, answers: Mapping[str, Any]) -> None:
    """Writes all that the source holds under the new name, and where it is from.

    Args:
        source: The checkout that was copied.
        copy: The folder of the project.
        answers: To the questions of copier.yml, with `_src_path` and `_commit`.
    """
    name, demos = answers["package"], answers["demos"]
    listed = [path for path in _git(source, "ls-files", "-z").split("\0") if path and path not in _LEFT]
    wanted = [path for path in listed if demos or not _DEMOS.fullmatch(path)]
    written = [_write(source, copy, path, answers) for path in wanted]
    _claim(source, copy, answers)
    _tidy(copy, [path for path in written if _is_code(copy, path)], name)
    said = "# Written by copier, which needs it to bring later changes of the template: do not edit.\n"
    whole = {**answers, "_commit": _git(source, "rev-parse", "HEAD").strip()}  # copier's own is abbreviated
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in sorted(whole.items()))
    (copy / ANSWERS).write_text(said + "".join(lines), encoding="utf-8")


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True).stdout


def _write(source: Path, copy: Path, path: str, answers: Mapping[str, Any]) -> str:
    """Writes a file of the source under its new name; returns its path."""
    name = path if path in _KEPT else renamed(path, answers["package"])
    content = (source / path).read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:  # an image
        pass
    else:
        for recipe, instead in {} if answers["demos"] else _RECIPES.items():
            text = text.replace(recipe, instead)
        content = content if path in _KEPT else renamed(text, answers["package"]).encode("utf-8")
    new = copy / name
    new.parent.mkdir(parents=True, exist_ok=True)
    new.write_bytes(content)
    shutil.copymode(source / path, new)
    return name


def _claim(source: Path, copy: Path, answers: Mapping[str, Any]) -> None:
    """Writes authors and licence, and whose work this began with: the Apache licence wants its notices kept."""
    name, authors, own = answers["package"], answers["authors"], answers["licence"]
    licence = own if own == "Apache-2.0" else f"{own} AND Apache-2.0"
    quoted = json.dumps(authors, ensure_ascii=False)
    project, citation = copy / "pyproject.toml", copy / "CITATION.cff"
    _replace(project, r"^authors = .*\n", "")  # of a template that was made so itself
    _replace(project, r"^license = .*", f'license = "{licence}"')
    _replace(
        project, r"^license-files = .*", f'license-files = ["LICENSE", "{NOTICE}"]\nauthors = [{{ name = {quoted} }}]'
    )
    _replace(project, '"LICENSE", "README.md"', f'"LICENSE", "{NOTICE}", "{ANSWERS}", "README.md"')
    _replace(citation, r"(?<=^authors:\n)(  .*\n)+", f"  - name: {quoted}\n")
    _replace(citation, r"^license: .*", f"license: {own}")
    credit = f"\nMade from {title(OLD)} by `{OLD} init`; [{NOTICE}]({NOTICE}) says what comes from it.\n"
    readme = copy / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").rstrip("\n") + "\n" + credit, encoding="utf-8")
    others = "" if licence == own else f" What is added to it is under {own}, whose text is the authors' to add."
    told = [*_credits(title(name), title(OLD), authors, others), *_earlier(source)]
    (copy / NOTICE).write_text("\n".join(told) + "\n", encoding="utf-8")


def _credits(own: str, template: str, authors: str, others: str) -> list[str]:
    return [
        own,
        f"Copyright {authors}",
        "",
        f"This project began as a copy of {template}, a research template for transfer learning.",
        f"{template} is copyright of The {template} authors, licensed under the Apache License 2.0, see LICENSE.",
        f"What comes from it stays under that licence; its files have been changed, at least by their name.{others}",
    ]


def _earlier(source: Path) -> list[str]:
    """What the template says of those before it, which is to be kept."""
    notice = source / NOTICE
    return ["", *notice.read_text(encoding="utf-8").splitlines()] if notice.is_file() else []


def _tidy(copy: Path, files: list[str], name: str) -> None:
    """Sorts imports and wraps lines as Ruff does, as another name sorts elsewhere and has another length."""
    for words in (["check", "--select", "I", "--fix", "--exit-zero"], ["format"]):
        _ruff(copy, [*words, "--quiet", *files])
    told = _ruff(copy, ["check", "--select", "E501", "--exit-zero", "--output-format", "concise", *files])
    if lengths := [
        int(length) for length in re.findall(r"Line too long \((\d+) >", told)
    ]:  # texts, which stay as they are
        rule = f"pycodestyle.max-line-length = {max(lengths)}  # of texts that name {name}"
        _replace(copy / "pyproject.toml", r"^pycodestyle\.max-line-length.*\n", "")
        _replace(copy / "pyproject.toml", r"^pydocstyle\.convention", f"{rule}\npydocstyle.convention")


def _is_code(copy: Path, path: str) -> bool:
    """Whether Ruff reads it: Python, a notebook, or a program without a suffix."""
    return path.endswith((".py", ".ipynb")) or (copy / path).read_bytes()[:64].startswith(b"#!/usr/bin/env python")


def _ruff(copy: Path, words: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words, "--no-cache"], cwd=copy, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _replace(path: Path, pattern: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(pattern, lambda _: new, text, count=1, flags=re.MULTILINE), encoding="utf-8")


if __name__ == "__main__":
    apply(Path(sys.argv[1]), Path.cwd(), json.loads(sys.argv[2]))
