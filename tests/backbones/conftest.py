from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIGS = Path(__file__).parents[2] / "configs" / "backbone"


@pytest.fixture(scope="session")
def settings():
    """A backbone's keywords, as its config files give them."""

    def load(name: str = "timm", **changes: Any) -> dict[str, Any]:
        merged = yaml.safe_load((CONFIGS / "timm.yaml").read_text())
        merged |= yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
        return {key: value for key, value in (merged | changes).items() if key not in ("_target_", "defaults")}

    return load
