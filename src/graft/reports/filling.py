"""Pages are filled in one way: whatever comes from data, files or configs is escaped, and secrets are taken out."""

import base64
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from graft.reports.wording import duration, fixed, label, moment, number, percent
from graft.runs.secrets import redact

_FILTERS = (duration, fixed, label, moment, number, percent)


def filled(template: str, room: str = "graft.reports", **parts: Any) -> str:
    """Returns a page.

    Args:
        template: Name of a file.
        room: The package that it is in; what it includes may be in this one.
        parts: What it shows; only what is marked as markup is not escaped.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(each, ".") for each in dict.fromkeys((room, "graft.reports"))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"uri": data_uri, **{each.__name__: each for each in _FILTERS}}
    return redact(environment.get_template(template).render(**parts))


def data_uri(content: bytes, kind: str) -> str:
    """A picture that lies in the page itself."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
