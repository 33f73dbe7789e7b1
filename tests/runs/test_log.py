import logging
import os
import subprocess
import sys
import warnings

import pytest

from graft.runs.log import logging_to

log = logging.getLogger("graft.somewhere")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.log"


def test_the_log_goes_to_console_and_file_without_secrets(path, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdef")
    with logging_to(path):
        log.info("token %s", "hf_abcdef")
        logging.getLogger("pytorch_lightning").info("lightning's words")
        logging.getLogger("elsewhere").info("other words")
    text = path.read_text()
    assert "graft.somewhere: token ***" in text
    assert "lightning's words" in text
    assert "other words" not in text
    shown = capsys.readouterr().out
    assert "token ***" in shown
    assert "lightning's words" not in shown, "Lightning prints itself"


def test_warnings_are_in_the_file(path):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with logging_to(path):
            warnings.warn("mind the gap", stacklevel=1)
    assert "mind the gap" in path.read_text()


def test_two_jobs_of_one_process_have_a_log_each(path, tmp_path, capsys):
    with logging_to(path):
        log.info("first")
    with logging_to(tmp_path / "second.log"):
        log.info("second")
    assert "second" not in path.read_text()
    assert "first" not in (tmp_path / "second.log").read_text()
    assert capsys.readouterr().out.count("second") == 1


def test_going_on_adds_to_the_file(path):
    for word in ("before", "after"):
        with logging_to(path):
            log.info(word)
    assert "before" in path.read_text()
    assert "after" in path.read_text()


def test_other_processes_say_only_what_is_wrong_and_write_no_file(path, capsys, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    with logging_to(path):
        log.info("again and again")
        log.warning("wrong")
    assert not path.exists()
    shown = capsys.readouterr().out
    assert "again" not in shown
    assert "wrong" in shown


def test_a_full_disk_does_not_stop_what_logs(path, full_disk, capsys):
    with logging_to(path):
        log.info("first")
        with full_disk(path.stat().st_size):
            log.info("second")
    assert capsys.readouterr().err == ""


def test_lightning_imported_later_does_not_chatter_and_other_libraries_still_warn(path):
    program = f"""
import logging
from pathlib import Path
from graft.runs.log import logging_to
with logging_to(Path({str(path)!r})):
    from pytorch_lightning.utilities.rank_zero import rank_zero_info
    rank_zero_info("chatter")
    logging.getLogger("timm.models").warning("careful with hf_abcdef")
    logging.getLogger("graft.data").warning("own warning")
"""
    environment = {**os.environ, "HF_TOKEN": "hf_abcdef"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    shown = done.stdout + done.stderr
    assert "chatter" in path.read_text()
    assert "chatter" not in shown
    assert shown.count("careful with ***") == 1
    assert shown.count("own warning") == 1
