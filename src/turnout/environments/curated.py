"""The environments that Turnout itself offers, as data: names and pip requirements with maintained ranges.

Every one of them runs on the submitter's minor Python and contains what is listed, nothing more: Turnout's runtime
reaches the script without a package.

The CPU build of PyTorch is not on PyPI, where Linux gets the one for CUDA, ten times as large. `--torch-backend cpu` lets
uv take PyTorch, and nothing else, from PyTorch's own index. Where a person has set another place for packages to come from
(`UV_DEFAULT_INDEX`, `UV_INDEX_URL`, `UV_FIND_LINKS` or pip's variables of that meaning), that place is asked and no other, so
a private mirror stays private: which build it has is up to it. See `turnout.runtime.builders.uvtool.arguments`.
torchvision and torchaudio are left out, since from another place than torch itself they don't fit it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT = "default-environment"
"""The environment of a run that names none."""

VERSION = "1"
"""The version that all of them carry; a changed range raises it."""


class Curated(NamedTuple):
    """An environment that comes with Turnout: what it is for, in a few words, and the lines of its pip section."""

    description: str
    requirements: tuple[str, ...] = ()


_NUMPY = "numpy>=1.26,<3"
_PANDAS = "pandas>=2.2,<4"
_SKLEARN = "scikit-learn>=1.5,<2"
_TORCH = ("torch>=2.4,<3", _NUMPY, "tensorboard>=2.17,<3", "tqdm>=4.66,<5")

ENVIRONMENTS: dict[str, Curated] = {
    DEFAULT: Curated("what a run gets that names none: no packages"),
    "Turnout-Minimal": Curated("no packages"),
    "Turnout-Sklearn": Curated(
        "scikit-learn, pandas, matplotlib",
        (_SKLEARN, _PANDAS, _NUMPY, "joblib>=1.4,<2", "matplotlib>=3.9,<4"),
    ),
    "Turnout-PyTorch": Curated("PyTorch for CPUs", ("--torch-backend cpu", *_TORCH)),
    "Turnout-PyTorch-CUDA": Curated("PyTorch for NVIDIA GPUs", _TORCH),
    "Turnout-TensorFlow": Curated("TensorFlow for CPUs", ("tensorflow>=2.17,<3", _NUMPY)),
    "Turnout-TensorFlow-CUDA": Curated("TensorFlow for NVIDIA GPUs", ("tensorflow[and-cuda]>=2.17,<3", _NUMPY)),
    "Turnout-XGBoost": Curated("XGBoost with scikit-learn", ("xgboost>=2.1,<4", _SKLEARN, _PANDAS, _NUMPY)),
    "Turnout-PySpark": Curated(
        "PySpark with pandas; needs Java", ("pyspark>=3.5,<5", "pandas>=2.2,<3", "pyarrow>=15", _NUMPY)
    ),
}

_RESERVED_PREFIXES = ("turnout-", "azureml", "microsoft")
_V1 = re.compile(r"(?:azureml|microsoft)-(?P<rest>.+)", re.IGNORECASE)
_NEAREST = (
    # The beginning of v1's name without its prefix → the nearest of ours; with a second one for GPUs.
    (r"minimal", "Turnout-Minimal", None),
    (r"tutorial|scikit-learn|sklearn", "Turnout-Sklearn", None),
    (r"acpt", "Turnout-PyTorch-CUDA", "Turnout-PyTorch-CUDA"),  # Azure Container for PyTorch: for GPUs only
    (r"pytorch", "Turnout-PyTorch", "Turnout-PyTorch-CUDA"),
    (r"tensorflow", "Turnout-TensorFlow", "Turnout-TensorFlow-CUDA"),
    (r"xgboost", "Turnout-XGBoost", None),
    (r"pyspark", "Turnout-PySpark", None),
)


def is_reserved(name: str) -> bool:
    """Say whether nobody may register an environment under this name.

    Besides Turnout's own names these are v1's two prefixes, which v1 reserved for the same purpose.
    """
    return name.lower() == DEFAULT or name.lower().startswith(_RESERVED_PREFIXES)


def is_v1(name: str) -> bool:
    """Say whether a name is of the form of v1's curated environments."""
    return _V1.fullmatch(name) is not None


def nearest(name: str) -> str | None:
    """Return which of Turnout's environments is the nearest to one of v1's; None when none is near.

    Args:
        name: v1's name, such as `AzureML-PyTorch-1.6-GPU` or `AzureML-sklearn-0.24-ubuntu18.04-py37-cpu`.
    """
    match = _V1.fullmatch(name)
    rest = match["rest"].lower() if match else ""
    for beginning, plain, for_gpus in _NEAREST:
        if re.match(rf"(?:{beginning})(?:-|$)", rest):
            return for_gpus if for_gpus and re.search(r"gpu|cuda", rest) else plain
    return None
