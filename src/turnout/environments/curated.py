"""The environments that Turnout itself offers, as data: names and pip requirements with maintained ranges.

Every one of them runs on the submitter's minor Python and contains what is listed, nothing more: Turnout's runtime
reaches the script without a package.
"""

from __future__ import annotations

DEFAULT = "default-environment"
"""The environment of a run that names none."""

VERSION = "1"
"""The version that all of them carry; a changed range raises it."""

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    DEFAULT: (),
    "Turnout-Minimal": (),
    "Turnout-Sklearn": (
        "scikit-learn>=1.5,<2",
        "pandas>=2.2,<4",
        "numpy>=1.26,<3",
        "joblib>=1.4,<2",
        "matplotlib>=3.9,<4",
    ),
}

_RESERVED_PREFIXES = ("turnout-", "azureml", "microsoft")


def is_reserved(name: str) -> bool:
    """Say whether nobody may register an environment under this name.

    Besides Turnout's own names these are v1's two prefixes, which v1 reserved for the same purpose.
    """
    return name.lower() == DEFAULT or name.lower().startswith(_RESERVED_PREFIXES)
