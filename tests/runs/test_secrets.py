import logging
import os

import pytest

from graft.runs.secrets import Redactor, load_dotenv, redact, redact_tree


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", 'se"cret-ü-123')
    monkeypatch.setenv("My_Password", 'se"cret-ü-123-and-more')
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("EDITOR", "secretary")
    monkeypatch.setenv("PRIMARY_KEY_COLUMN", "secretary")
    monkeypatch.setenv("GITHUB_PAT", "pat-123456")
    monkeypatch.setenv("DB_PASS", "pass-123456")


def test_secret_values_are_replaced_the_longer_one_as_a_whole():
    assert redact('a se"cret-ü-123 b se"cret-ü-123-and-more') == "a *** b ***"


def test_abbreviated_names_are_known():
    assert redact("pat-123456 pass-123456") == "*** ***"


def test_passwords_of_addresses_are_replaced():
    told = "storage=postgresql://me:s3cret@host:5432/db at https://host:8080/a@b, s3://bucket/x"
    assert redact(told) == "storage=postgresql://me:***@host:5432/db at https://host:8080/a@b, s3://bucket/x"


def test_short_values_and_other_variables_stay():
    assert redact("false secretary") == "false secretary"


def test_a_tree_is_redacted_in_all_its_strings():
    tree = {'x se"cret-ü-123': [1, ('se"cret-ü-123', None)], "n": {"m": 'se"cret-ü-123'}}
    assert redact_tree(tree) == {"x ***": [1, ["***", None]], "n": {"m": "***"}}


def test_log_records_lose_secrets_in_message_arguments_and_traceback(caplog):
    logger = logging.getLogger("graft.test")
    logger.addFilter(Redactor())
    try:
        raise ValueError('bad key se"cret-ü-123')
    except ValueError:
        logger.exception("with %s", 'se"cret-ü-123')
    logger.filters.clear()
    assert "with ***" in caplog.text
    assert "ValueError: bad key ***" in caplog.text
    assert 'se"cret-ü-123' not in caplog.text


def test_dotenv_of_the_current_folder_is_read_and_overrides_nothing(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("WANDB_PROJECT=cells\nEDITOR=other\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_PROJECT", "to be removed again at the end")
    monkeypatch.delenv("WANDB_PROJECT")
    load_dotenv()
    assert os.environ["WANDB_PROJECT"] == "cells"
    assert os.environ["EDITOR"] == "secretary"


def test_without_a_dotenv_nothing_happens(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("WANDB_PROJECT=of the folder above\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    load_dotenv()
    assert "WANDB_PROJECT" not in os.environ
