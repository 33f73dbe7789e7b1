"""Keys and passwords: where they come from, and how they are kept out of everything that is written."""

import logging
import os
import re
from pathlib import Path
from typing import Any

from dotenv import load_dotenv as _load

# A name's last word, so that PRIMARY_KEY_COLUMN, KEYBOARD and TOKENIZERS_PARALLELISM are none.
_NAME = re.compile("(^|_)(API)?(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT)$", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")  # postgresql://user:password@host
_SHORTEST = 6  # characters; shorter values are flags like "true", which stand in many an innocent place


def load_dotenv() -> None:
    """Reads `.env` of the current folder, where there is one; what the environment holds already stays."""
    _load(Path.cwd() / ".env", override=False)


def redact(text: str) -> str:
    """Returns the text with `***` in the place of every secret value of the environment.

    Secret are the values, of at least 6 characters, of the variables whose names end with the word KEY, TOKEN, SECRET,
    PASSWORD, PASSWD, PASS or PAT; and the passwords of addresses, such as that of a sweep's storage.
    """
    for value in _secret_values():
        text = text.replace(value, "***")
    return _IN_ADDRESS.sub(r"\1***@", text) if "://" in text else text


def redact_tree(data: Any) -> Any:
    """Returns dictionaries and lists of anything with all their strings, keys too, redacted.

    To be used before a format escapes characters, which would hide a secret with quotes or umlauts from `redact`.
    """
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, dict):
        return {redact_tree(key): redact_tree(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [redact_tree(value) for value in data]
    return data


class Redactor(logging.Filter):
    """Takes the secrets out of log records: of the message, of its arguments and of the traceback.

    Only what the handler it hangs on will print; a record may pass other handlers, so they are all given one.
    """

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites the record in place and lets it pass."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:  # formatters print this text and do not make it again
            record.exc_text = redact(record.exc_text)
        return True


def _secret_values() -> list[str]:
    """The longest first, so that one that holds another goes as a whole."""
    values = {value for name, value in os.environ.items() if _NAME.search(name) and len(value) >= _SHORTEST}
    return sorted(values, key=len, reverse=True)
