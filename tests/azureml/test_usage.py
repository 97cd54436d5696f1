"""How many of the members that public training files use work here; the counts may only grow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from turnout.azureml import check, names

USAGE = Path(__file__).with_name("usage.txt")
README = Path(__file__).parents[2] / "README.md"
DATASETS = ("FileDataset", "TabularDataset")
KINDS = {"DatasetObj": DATASETS, "DatasetIn": DATASETS, "DatasetConsumption": ("DatasetConsumptionConfig",)}
LEAST = {"80 %": (195, 194), "95 %": (322, 305)}
"""How many there are, and how many of them work (also those that work in their own way); both sets together for 95 %."""


def sets() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in USAGE.read_text().splitlines():
        if line.endswith("%"):
            found[line] = [member for members in found.values() for member in members]
            current = found[line]
        elif not line.startswith("#"):
            current.append(line)
    return found


def status(member: str) -> str:
    """Return the status of `Workspace.from_config`, or of a class for `Workspace.__init__`."""
    owner, _, name = member.partition(".")
    if owner in KINDS:  # what the count says of objects: whichever of the classes they are of
        found = [status(f"{kind}.{name}") for kind in KINDS[owner]]
        return next((each for each in found if each != check.MISSING), check.MISSING)
    known = [f"{module}.{owner}" for module in names.MODULES if owner in names.MODULES[module]]
    if not known:
        return check.MISSING
    return check.judged(known[0] if name in ("", "__init__") else f"{known[0]}.{name}")[0]


@pytest.mark.parametrize("share", LEAST)
def test_the_count_is_what_the_readme_says_and_never_shrinks(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    members = sets()[share]
    working = [member for member in members if status(member) != check.MISSING]
    with capsys.disabled():
        sys.stdout.write(f"\nmembers for {share} of the files: {len(working)} of {len(members)} work\n")
    assert (len(members), len(working)) == LEAST[share]
    assert f"{len(working)} of the {len(members)}" in README.read_text()
