"""A local page, made with Gradio, on which a model is tried: one input, or many with a table."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from graft.errors import GraftError

_LIKELIEST = 10  # classes to show
_TEXTS = "A text a line or a file, or a table"
_CSS = """
.gradio-container {width: 100% !important; max-width: 60rem !important; margin-inline: auto !important}
"""


@dataclass(frozen=True)
class Shown:
    """What the page is about.

    Attributes:
        title: of the page.
        about: Markdown below it.
        samples_are: "images" | "texts".
        are_values: whether values are predicted, not probabilities.
        one: takes an image file's path or a text, returns a number by class.
        many: takes paths of files, returns the names of columns, rows, and the path of a CSV file of them.
    """

    title: str
    about: str
    samples_are: str
    are_values: bool
    one: Callable[[str], dict[str, float]]
    many: Callable[[Sequence[str]], tuple[list[str], list[list[Any]], str]]


def gradio(folder: str | None = None) -> ModuleType:
    """Imports Gradio, told to tell nobody.

    Args:
        folder: Where it is to keep what visitors upload.

    Raises:
        GraftError: The extra is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # it looks at its first import
    if folder is not None:
        os.environ["GRADIO_TEMP_DIR"] = folder
    try:
        import gradio
    except ImportError as error:
        raise GraftError("graft demo needs the extra `demo`: pip install 'graft[demo]'") from error
    module: ModuleType = gradio
    return module


def page(shown: Shown) -> Any:
    """Returns Gradio's blocks; nothing listens yet."""
    gr = gradio()
    is_text = shown.samples_are == "texts"
    with gr.Blocks(analytics_enabled=False, title=shown.title) as blocks:
        gr.Markdown(f"# {shown.title}\n\n{shown.about}")
        with gr.Tab("A text" if is_text else "An image"), gr.Row():
            with gr.Column():  # the button above the answer, which pushes down what is below it
                if is_text:
                    given = gr.Textbox(label="Text", lines=6, elem_id="one")
                else:
                    given = gr.Image(
                        label="Image",
                        type="filepath",
                        image_mode=None,  # the file as it is; else RGB is made of it, transparency on black
                        sources=["upload", "clipboard"],
                        elem_id="one",
                    )
                button = gr.Button("Predict", variant="primary", elem_id="predict")
            with gr.Column():
                said = _said(gr, shown)
        button.click(_told(gr, shown), given, said, api_name="one")
        (given.submit if is_text else given.upload)(_told(gr, shown), given, said, api_visibility="private")
        with gr.Tab("Many texts" if is_text else "A folder"):
            files = gr.File(
                label=_TEXTS if is_text else "A folder of images",
                file_count="multiple" if is_text else "directory",
                elem_id="many",
            )
            all_button = gr.Button("Predict all", variant="primary", elem_id="predict_all")
            table = gr.Dataframe(label="Predictions", interactive=False, visible=False, elem_id="table")
            csv = gr.DownloadButton("Download as CSV", visible=False, elem_id="csv")
        all_button.click(_tabulated(gr, shown), files, [table, csv], api_name="many")
    return blocks


def opened(blocks: Any, port: int | None, share: bool) -> str:
    """Begins to listen on this machine alone, and returns the page's address.

    Args:
        blocks: Of `page`.
        port: None: one that is free.
        share: Whether Gradio makes a public link too.

    Raises:
        GraftError: The port is taken.
    """
    gr = gradio()
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    try:
        _, local, public = blocks.launch(
            server_name="127.0.0.1",
            server_port=port,
            share=share,
            inbrowser=False,
            prevent_thread_lock=True,
            quiet=True,
            show_error=True,
            ssr_mode=False,
            enable_monitoring=False,
            footer_links=[],
            theme=theme,  # its own would ask the network for letters
            css=_CSS,
        )
    except OSError as error:
        taken = "No free port was found" if port is None else f"port={port} is taken"
        raise GraftError(f"{taken}: choose another one, port=…") from error
    return str(public or local)


def _said(gr: Any, shown: Shown) -> Any:
    if shown.are_values:
        return gr.Dataframe(label="Values", headers=["name", "value"], interactive=False, elem_id="said")
    return gr.Label(label="Probabilities", num_top_classes=_LIKELIEST, elem_id="said")


def _told(gr: Any, shown: Shown) -> Callable[[str | None], Any]:
    def told(given: str | None) -> Any:
        if not given or not given.strip():
            raise gr.Error(
                f"First give {'a text' if shown.samples_are == 'texts' else 'an image'}.",
                duration=5,
                print_exception=False,
            )
        try:
            found = shown.one(given)
        except GraftError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return [[name, value] for name, value in found.items()] if shown.are_values else found

    return told


def _tabulated(gr: Any, shown: Shown) -> Callable[[Sequence[str] | None], Any]:
    def tabulated(files: Sequence[str] | None) -> Any:
        if not files:
            raise gr.Error("First give files.", duration=5, print_exception=False)
        try:
            names, rows, path = shown.many(files)
        except GraftError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return (
            gr.Dataframe(value={"headers": names, "data": rows}, visible=True),
            gr.DownloadButton(value=path, visible=True),
        )

    return tabulated
