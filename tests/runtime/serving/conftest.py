from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.runtime import layout
from turnout.runtime.serving import arrival


@pytest.fixture
def there(tmp_path: Path) -> Iterator[layout.Home]:
    """The home of an account that nobody has used yet; its connection ends with the test."""
    arrival.end()
    yield layout.Home(str(tmp_path / "there"))
    arrival.end()
