"""Many runs of one script: HyperDrive's configurations, samplers, policies, and the controller that carries a sweep out.

The names below are those of v1's `azureml.train.hyperdrive`, and `AshaPolicy`. A sweep is a run of its own (v1's type
`hyperdrive`) whose children are its trials. What a person configures lies in `parameter_expressions`, `sampling`, `policy`,
`primary_metric` and `hyperdrive_config`; what is decided, in `space`, `samplers` and `termination`, which do no I/O; what is
done, in `submitting`, `handing_over` and `controller`. Nothing here starts or watches a process: that is the runtime's, for a
sweep as for every run. The command line doesn't belong here.
"""

from turnout.sweeps.exceptions import HyperDriveConfigException, HyperDriveException, HyperDriveNotImplementedException
from turnout.sweeps.hyperdrive_config import HyperDriveConfig, HyperDriveRunConfig
from turnout.sweeps.hyperdrive_run import HyperDriveRun
from turnout.sweeps.parameter_expressions import (
    choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from turnout.sweeps.policy import (
    AshaPolicy,
    BanditPolicy,
    EarlyTerminationPolicy,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    TruncationSelectionPolicy,
)
from turnout.sweeps.primary_metric import PrimaryMetricGoal
from turnout.sweeps.sampling import (
    BayesianParameterSampling,
    GridParameterSampling,
    HyperParameterSampling,
    RandomParameterSampling,
)

__all__ = [
    "AshaPolicy",
    "BanditPolicy",
    "BayesianParameterSampling",
    "EarlyTerminationPolicy",
    "GridParameterSampling",
    "HyperDriveConfig",
    "HyperDriveConfigException",
    "HyperDriveException",
    "HyperDriveNotImplementedException",
    "HyperDriveRun",
    "HyperDriveRunConfig",
    "HyperParameterSampling",
    "MedianStoppingPolicy",
    "NoTerminationPolicy",
    "PrimaryMetricGoal",
    "RandomParameterSampling",
    "TruncationSelectionPolicy",
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]
