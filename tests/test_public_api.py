"""The names that a person imports: all there, all loaded late, all in the reference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import turnout


def test_every_promised_name_can_be_imported_and_stands_in_the_reference() -> None:
    reference = (Path(__file__).parents[1] / "docs" / "reference.md").read_text()
    for name in turnout.__all__:
        assert getattr(turnout, name).__name__ == name
        assert f"### `{name}`" in reference
    assert set(turnout.__all__) == set(turnout._HOMES)


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import turnout; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith("turnout")] == ["turnout"]
    assert not {"click", "rich", "sqlalchemy", "ruamel", "pathspec", "subprocess", "typing_extensions"} & set(loaded)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(turnout, "Pipeline")
