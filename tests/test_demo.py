"""The page of `graft demo`, in a real browser where there is one."""

import base64
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pyarrow.csv
import pytest
from PIL import Image

from graft.demo import Predictor
from graft.runs.folder import RunFolder

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Browser:
    """A page of Chromium without a window, driven through its own debugging protocol."""

    def __init__(self, folder):
        from websockets.sync.client import connect

        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
        ]
        self._closing = contextlib.ExitStack()
        process = subprocess.Popen([CHROMIUM, *flags, "about:blank"], stderr=subprocess.DEVNULL)
        self._closing.callback(process.wait, 20)
        self._closing.callback(process.terminate)
        told = self.soon(lambda: (Path(folder) / "DevToolsActivePort").read_text().split()[0])
        pages = self.soon(lambda: json.load(urllib.request.urlopen(f"http://127.0.0.1:{told}/json/list")))
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        self._socket = self._closing.enter_context(connect(address, max_size=None))
        self._number = 0
        self.asked = []  # addresses that the page has asked for
        for domain in ("Page", "Network", "DOM", "Runtime"):
            self.do(f"{domain}.enable")

    def do(self, method, **parameters):
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(60))
            if said.get("method") == "Network.requestWillBeSent":
                self.asked.append(said["params"]["request"]["url"])
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]

    def of(self, expression):
        """The value of an expression of JavaScript."""
        return self.do("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def until(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while not (value := self.of(expression)):
            assert time.monotonic() < end, f"{expression}; the page: {self.of('document.body.innerText')}"
            time.sleep(0.2)
        return value

    def open(self, address, width=1280, dark=False):
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self.do("Page.navigate", url=address)
        self.until("!!document.querySelector('#predict')")

    def give(self, selector, *files):
        root = self.do("DOM.getDocument")["root"]["nodeId"]
        node = self.do("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.do("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def write(self, selector, text):
        box = f"document.querySelector('{selector}')"
        self.of(f"{box}.value = {json.dumps(text)}; {box}.dispatchEvent(new Event('input'))")

    def tab(self, name):
        self.until(f"[...document.querySelectorAll('button[role=tab]')].some(tab => tab.innerText.includes('{name}'))")
        self.of(
            f"[...document.querySelectorAll('button[role=tab]')].find(tab => tab.innerText.includes('{name}')).click()"
        )

    def picture(self, path):
        shot = self.do("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        Path(path).write_bytes(base64.b64decode(shot))

    def close(self):
        self._closing.close()

    @staticmethod
    def soon(ask, seconds=60):
        end = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except (OSError, IndexError):
                assert time.monotonic() < end
                time.sleep(0.2)


@contextlib.contextmanager
def demo_of(run, *words):
    """The command in a process of its own; gives it and the page's address."""
    command = [sys.executable, "-m", "graft", "demo", f"run={run}", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield from _until_it_ends(process)


def _until_it_ends(process):
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("the page: "):
                break
        else:
            raise AssertionError("".join(lines))
        yield process, line.removeprefix("the page: ").strip()
    finally:
        process.kill()


@pytest.fixture
def browser(tmp_path):
    opened = Browser(tmp_path / "browser")
    yield opened
    opened.close()


in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@pytest.mark.slow
@in_a_browser
def test_an_image_and_a_folder_get_the_predictions_of_graft_predict(tiny, graft, flowers, browser, tmp_path):
    pytest.importorskip("gradio")
    trained = tiny("strategy=full_finetuning", "trainer.max_epochs=2", "optimizer.lr=1e-3")
    assert graft("predict", f"run={trained}", f"inputs={flowers}", f"output={tmp_path}/known.csv") == 0
    rows = pyarrow.csv.read_csv(tmp_path / "known.csv").to_pylist()
    known = {Path(row["id"]).name: row for row in rows}
    with demo_of(trained) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        browser.open(address)
        some = sorted(flowers.rglob("*.png"))[:4]
        browser.give("#one input[type=file]", some[0])
        said = browser.until(
            "document.querySelector('#said').innerText.includes('%') && document.querySelector('#said').innerText"
        )
        likeliest = known[some[0].name]["prediction"]
        assert f"{100 * known[some[0].name][f'probability/{likeliest}']:.0f}%" in said
        browser.tab("A folder")
        folder = tmp_path / "some"
        folder.mkdir()
        for file in some:
            shutil.copy(file, folder)
        (folder / "broken.png").write_bytes(b"no image")
        browser.give("#many input[type=file]", folder)
        browser.until(f"document.querySelector('#many').innerText.includes('{some[3].stem}')")
        browser.of("document.querySelector('#predict_all').click()")
        table = browser.until(
            "document.querySelector('#table')?.innerText.includes('broken')"
            " && document.querySelector('#table').innerText"
        )
        assert "not an image" in table
        downloads = tmp_path / "downloads"
        browser.do("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        browser.of("document.querySelector('#csv').click()")
        csv = browser.soon(lambda: sorted(downloads.glob("*.csv"))[0])
        for row in pyarrow.csv.read_csv(csv).to_pylist():
            if row["id"] != "broken.png":
                assert row["probability/rose"] == pytest.approx(known[row["id"]]["probability/rose"], abs=1e-5)
        elsewhere = [url for url in browser.asked if not url.startswith((address.rstrip("/"), "data:", "blob:"))]
        assert elsewhere == []
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(30) == 0
        assert "Traceback" not in rest


@pytest.mark.slow
@in_a_browser
def test_texts_get_the_predictions_of_graft_predict_and_are_no_markup(tiny_text, graft, browser, tmp_path):
    pytest.importorskip("gradio")
    trained = tiny_text("strategy=full_finetuning", "trainer.max_epochs=2", "optimizer.lr=1e-3")
    lines = tmp_path / "lines.txt"
    lines.write_text("the <b id=bold>superb</b> film\n\nthe dull film\n")
    assert graft("predict", f"run={trained}", f"inputs={lines}", f"output={tmp_path}/known.csv") == 0
    first, _, third = pyarrow.csv.read_csv(tmp_path / "known.csv").to_pylist()
    with demo_of(trained) as (_, address):
        browser.open(address)
        browser.of("document.querySelector('#predict').click()")
        browser.until("document.body.innerText.includes('First give a text.')")
        browser.write("#one textarea", "the dull film")
        browser.of("document.querySelector('#predict').click()")
        said = browser.until(
            "document.querySelector('#said').innerText.includes('%') && document.querySelector('#said').innerText"
        )
        assert f"{100 * third['probability/good']:.0f}%" in said
        browser.tab("Many texts")
        browser.give("#many input[type=file]", lines)
        browser.until("document.querySelector('#many').innerText.includes('lines')")
        browser.of("document.querySelector('#predict_all').click()")
        table = browser.until(
            "document.querySelector('#table')?.innerText.includes('dull') && document.querySelector('#table').innerText"
        )
        assert "the text is empty" in table
        assert "the <b id=bold>superb</b> film" in table
        assert str(round(first["probability/good"], 4)) in table
        assert browser.of("document.querySelector('#bold')") is None
        assert [url for url in browser.asked if not url.startswith((address.rstrip("/"), "data:", "blob:"))] == []


def test_a_text_and_a_folder_of_texts(tiny_text, tmp_path):
    trained = tiny_text("trainer.max_epochs=1")
    predictor = Predictor(RunFolder.open(trained), "best", tmp_path)
    said = predictor.one("the film was great")
    assert sum(said.values()) == pytest.approx(1, abs=1e-5)
    lines = tmp_path / "lines.txt"
    lines.write_text(f"the film was great\n\nthe film was  dull {'very ' * 9}\n")
    names, rows, path = predictor.many([str(lines)])
    assert names == ["id", "prediction", "text", "bad", "good", "error"]
    assert [row[2] for row in rows] == ["the film was great", None, f"the film was dull {'very ' * 4}v…"]
    assert [row[names.index("error")] for row in rows] == [None, "the text is empty", None]
    assert pyarrow.csv.read_csv(path)["probability/good"][0].as_py() == pytest.approx(said["good"], abs=1e-6)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.txt").write_text(f"the film was {name}")
    names, rows, _ = predictor.many([str(tmp_path / name / "same.txt") for name in ("a", "b")])
    assert [row[0] for row in rows] == ["same.txt", "same_1.txt"]
    assert "error" not in names


def test_mistakes_are_told_before_gradio_is_needed(graft, tmp_path, capsys, monkeypatch):
    assert graft("demo", f"run={tmp_path}") == 2
    assert "is not the folder of a run" in capsys.readouterr().err
    assert graft("demo", f"run={tmp_path}", "port=70000") == 2
    assert "port" in capsys.readouterr().err


def test_an_image_reaches_the_model_as_the_file_that_was_given(tmp_path):
    """Else Gradio makes RGB of it, on black, and writes it anew. In a process, as Gradio leaves a loop of events."""
    pytest.importorskip("gradio")
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "glass.png")
    code = """if True:
        from graft.exporting.page import Shown, page
        from gradio.data_classes import ImageData

        shown = Shown("", "", "images", False, one=lambda path: {}, many=lambda files: ([], [], ""))
        (given,) = [block for block in page(shown).blocks.values() if getattr(block, "elem_id", None) == "one"]
        print("given:", given.preprocess(ImageData(path="glass.png", orig_name="glass.png")))
    """
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert "given: glass.png" in ran.stdout.splitlines(), ran.stderr
