"""What `mkdocs build` does beside its own: draws the picture, writes the reference, says what a block needs.

The work is in the modules beside this one, which know nothing of MkDocs: another builder of sites needs these few lines
only. Nothing here needs a network, and of Graft nothing is imported but its schema.
"""

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS / "making"), str(ROOT / "src")]

from picture import picture  # noqa: E402 (where it lies is said above)
from reference import reference, strategies  # noqa: E402
from steps import steps  # noqa: E402

NEEDS = re.compile(r"^<!-- needs: (.+?) -->\n", re.MULTILINE)


def on_config(config: Any) -> None:
    """Puts the pages that are made into the navigation, below the reference."""
    section = next(entry["Reference"] for entry in config.nav if "Reference" in entry)
    pages = reference(ROOT / "configs", DOCS)
    section[:1] = [f"reference/{name}.md" for name in pages]
    config.extra["made"] = pages


def on_files(files: Files, config: Any) -> None:
    """Adds the pages that are made."""
    for name, text in config.extra["made"].items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Fills in what is drawn from the source, and says in words which blocks need what a test has not."""
    if "<!-- drawn: rooms -->" in markdown:
        markdown = markdown.replace("<!-- drawn: rooms -->", picture(ROOT / "src" / "graft"))
    if "<!-- drawn: steps -->" in markdown:
        markdown = markdown.replace("<!-- drawn: steps -->", _steps())
    if "<!-- made: strategies -->" in markdown:
        markdown = markdown.replace("<!-- made: strategies -->", strategies(ROOT / "configs"))
    return NEEDS.sub(r'<p class="needs">Needs \1.</p>\n\n', markdown)


def on_serve(server: Any, config: Any, builder: Any) -> None:
    """Builds again when the source or a config changes."""
    server.watch(str(ROOT / "configs"))
    server.watch(str(ROOT / "src" / "graft"))


def _steps() -> str:
    rows = []
    for module, function in (("graft.train", "train"), ("graft.fitting", "fit_and_score")):
        for step in steps(ROOT / "src", module, function):
            where = f"`{step.name}`" + (f"<br><small>{step.module}</small>" if step.module else "")
            condition = f" If `{step.condition}`." if step.condition else ""
            rows.append(f"| {step.part} | {where} | {step.does}.{condition} |")
    return "\n".join(["| part | step | what it does |", "| --- | --- | --- |", *rows])
