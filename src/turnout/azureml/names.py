"""Which of v1's names is which class of Turnout's, module by module, and what to use instead of those that aren't there.

The spellings are those that v1's last release had, and that public code uses.
"""

from __future__ import annotations

import turnout
from turnout.azureml.differences import LOGINS
from turnout.runtime.script import azureml_names

VERSION = f"1.62.0+turnout.{turnout.__version__}"
"""What `azureml.core.VERSION` says: v1's last release, whose names these are, and who answers to them."""

_SECTIONS = "turnout.config.sections"
_DATA = "turnout.config.data"
_DISTRIBUTED = "turnout.config.distributed"
_ENVIRONMENT = "turnout.environments.sections"
_AUTHENTICATION = "turnout.azureml.authentication"
_FURTHER = "turnout.azureml.exceptions"
_SWEEPS = "turnout.sweeps"
_ESTIMATORS = "turnout.azureml.estimators"


def _all(module: str, *names: str) -> dict[str, str]:
    """Return names that a module of Turnout's has, too."""
    return {name: f"{module}:{name}" for name in names}


_RUN = {
    "Run": "turnout.run:Run",
    "_OfflineRun": "turnout.runtime.script.offline:OfflineRun",
    "get_run": "turnout.azureml.functions:get_run",
}
_CONFIGURATION = {
    **_all("turnout.config.run_configuration", "RunConfiguration"),
    **_all(
        _DISTRIBUTED,
        "DockerConfiguration",
        "MpiConfiguration",
        "ParallelTaskConfiguration",
        "PyTorchConfiguration",
        "TensorflowConfiguration",
    ),
    **_all(
        _SECTIONS,
        "AmlComputeConfiguration",
        "ApplicationEndpointConfiguration",
        "HdiConfiguration",
        "HistoryConfiguration",
        "KubernetesComputeConfiguration",
        "SparkConfiguration",
    ),
    **_all(
        _DATA,
        "Data",
        "DataLocation",
        "DataPath",
        "DataReferenceConfiguration",
        "DatacacheConfiguration",
        "Dataset",
        "DatasetRegistrationOptions",
        "GlobsOptions",
        "MountOptions",
        "OutputData",
        "OutputOptions",
        "RegistrationOptions",
        "UploadOptions",
        "Uri",
    ),
    **_all(_ENVIRONMENT, "ContainerRegistry"),
    **_all("turnout.environments.conda_dependencies", "CondaDependencies"),
    "EnvironmentDefinition": "turnout.environments.environment:Environment",
    "DEFAULT_CPU_IMAGE": "turnout.azureml.functions:DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE": "turnout.azureml.functions:DEFAULT_GPU_IMAGE",
}
_OF_ENVIRONMENTS = {
    **_all("turnout.environments.environment", "Environment", "EnvironmentReference"),
    **_all("turnout.environments.conda_dependencies", "CondaDependencies"),
    **_all("turnout.environments.image_details", "DockerImageDetails", "ImageBuildDetails"),
    **_all(
        _ENVIRONMENT,
        "ContainerRegistry",
        "DockerBuildContext",
        "DockerImagePlatform",
        "DockerSection",
        "PythonSection",
        "RCranPackage",
        "RGitHubPackage",
        "RSection",
        "RegistryIdentity",
        "SparkPackage",
        "SparkSection",
    ),
    "DEFAULT_CPU_IMAGE": "turnout.azureml.functions:DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE": "turnout.azureml.functions:DEFAULT_GPU_IMAGE",
}
_COMPUTE = {
    "AmlCompute": "turnout.targets.aml_compute:AmlCompute",
    "ComputeInstance": "turnout.targets.compute_instance:ComputeInstance",
    "ComputeTarget": "turnout.targets.compute_target:ComputeTarget",
    "HDInsightCompute": "turnout.targets.hdinsight_compute:HDInsightCompute",
    "RemoteCompute": "turnout.targets.remote_compute:RemoteCompute",
}
_RAISED = {
    **azureml_names.MODULES["azureml.exceptions"],
    **_all(
        _FURTHER,
        "AuthenticationException",
        "AzureMLAggregatedException",
        "DatasetTimestampMissingError",
        "DiscoveryUrlNotFoundException",
        "ParallelRunException",
        "ProjectSystemException",
        "ServiceException",
        "TrainingException",
        "WorkspacePrivateEndpointException",
    ),
}
_EXPRESSIONS = _all(
    _SWEEPS,
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
)
_SAMPLINGS = _all(
    _SWEEPS,
    "BayesianParameterSampling",
    "GridParameterSampling",
    "HyperParameterSampling",
    "RandomParameterSampling",
)
_POLICIES = _all(
    _SWEEPS,
    "BanditPolicy",
    "EarlyTerminationPolicy",
    "MedianStoppingPolicy",
    "NoTerminationPolicy",
    "TruncationSelectionPolicy",
)
_SWEEP_CONFIGURATION = _all(_SWEEPS, "HyperDriveConfig", "HyperDriveRunConfig", "PrimaryMetricGoal")
_SWEEP_RUN = _all(_SWEEPS, "HyperDriveRun", "PrimaryMetricGoal")

MODULES: dict[str, dict[str, str]] = {
    **azureml_names.DATA,
    "azureml.core": {
        **{name: azureml_names.MODULES["azureml.core"][name] for name in ("Dataset", "Datastore", "Keyvault", "Model")},
        **_all("turnout.workspace", "Workspace"),
        **_all("turnout.experiment", "Experiment"),
        **_all("turnout.config.script_run_config", "ScriptRunConfig"),
        **_all("turnout.config.run_configuration", "RunConfiguration"),
        **_all("turnout.environments.environment", "Environment"),
        **_all(_ENVIRONMENT, "ContainerRegistry"),
        "ComputeTarget": _COMPUTE["ComputeTarget"],
        "Run": _RUN["Run"],
        "ScriptRun": _RUN["Run"],
        "get_run": _RUN["get_run"],
        "VERSION": "turnout.azureml.names:VERSION",
        "__version__": "turnout.azureml.names:VERSION",
    },
    "azureml.core.workspace": _all("turnout.workspace", "Workspace"),
    "azureml.core.experiment": _all("turnout.experiment", "Experiment", "ViewType"),
    "azureml.core.run": _RUN,
    "azureml.core.script_run": {"ScriptRun": _RUN["Run"]},
    "azureml.core.script_run_config": {
        **_all("turnout.config.script_run_config", "ScriptRunConfig"),
        **_all("turnout.config.run_configuration", "RunConfiguration"),
    },
    "azureml.core.runconfig": _CONFIGURATION,
    "azureml.core.environment": _OF_ENVIRONMENTS,
    "azureml.core.conda_dependencies": {
        **_all("turnout.environments.conda_dependencies", "CondaDependencies"),
    },
    "azureml.core.container_registry": _all(_ENVIRONMENT, "ContainerRegistry", "RegistryIdentity"),
    "azureml.core.compute": _COMPUTE,
    "azureml.core.compute.compute": {"ComputeTarget": _COMPUTE["ComputeTarget"]},
    "azureml.core.compute.amlcompute": _all(
        "turnout.targets.aml_compute",
        "AmlCompute",
        "AmlComputeNodeStateCounts",
        "AmlComputeProvisioningConfiguration",
        "AmlComputeStatus",
        "ScaleSettings",
    ),
    "azureml.core.compute.computeinstance": _all(
        "turnout.targets.compute_instance",
        "ComputeInstance",
        "ComputeInstanceProvisioningConfiguration",
        "ComputeInstanceStatus",
    ),
    "azureml.core.compute.hdinsight": {"HDInsightCompute": _COMPUTE["HDInsightCompute"]},
    "azureml.core.compute.remote": {"RemoteCompute": _COMPUTE["RemoteCompute"]},
    "azureml.core.compute_target": {
        "ComputeTargetException": _RAISED["ComputeTargetException"],
        "ComputeTarget": _COMPUTE["ComputeTarget"],
    },
    "azureml.core.authentication": {
        **_all(_AUTHENTICATION, "AbstractAuthentication", "AccessToken", "Audience", *LOGINS),
        "AuthenticationException": f"{_FURTHER}:AuthenticationException",
    },
    "azureml.core.resource_configuration": _all(_SECTIONS, "ResourceConfiguration"),
    "azureml.exceptions": _RAISED,
    "azureml.exceptions._azureml_exception": _RAISED,
    "azureml._common.exceptions": {"AzureMLException": _RAISED["AzureMLException"]},
    "azureml._restclient.constants": {"RunStatus": "turnout.azureml.functions:RunStatus"},
    "azureml.mlflow": _all("turnout.azureml.mlflow", "get_mlflow_tracking_uri", "get_portal_url", "register_model"),
    "azureml.tensorboard": _all("turnout.azureml.tensorboard", "Tensorboard"),
    "azureml.telemetry": _all("turnout.azureml.telemetry", "INSTRUMENTATION_KEY", "set_diagnostics_collection"),
    "azureml.widgets": _all("turnout.azureml.widgets", "RunDetails"),
    "azureml.widgets.run_details": _all("turnout.azureml.widgets", "RunDetails"),
    "azureml.train.estimator": {
        **_all(_ESTIMATORS, "Estimator", "Gloo", "Mpi", "Nccl", "ParameterServer"),
        "MMLBaseEstimator": f"{_ESTIMATORS}:Estimator",
    },
    "azureml.train.dnn": _all(
        _ESTIMATORS, "Chainer", "Gloo", "Mpi", "Nccl", "ParameterServer", "PyTorch", "TensorFlow"
    ),
    "azureml.train.sklearn": _all(_ESTIMATORS, "SKLearn"),
    "azureml.train._distributed_training": _all(_ESTIMATORS, "Gloo", "Mpi", "Nccl", "ParameterServer"),
    "azureml.train.hyperdrive": {
        **_EXPRESSIONS,
        **_SAMPLINGS,
        **_POLICIES,
        **_SWEEP_CONFIGURATION,
        **_SWEEP_RUN,
    },
    "azureml.train.hyperdrive.policy": _POLICIES,
    "azureml.train.hyperdrive.sampling": {**_SAMPLINGS, **_EXPRESSIONS},
    "azureml.train.hyperdrive.runconfig": _SWEEP_CONFIGURATION,
    "azureml.train.hyperdrive.run": _SWEEP_RUN,
    "azureml.train.hyperdrive.parameter_expressions": _EXPRESSIONS,
    "azureml.train.hyperdrive.exceptions": {
        **_all(_SWEEPS, "HyperDriveConfigException", "HyperDriveException"),
        "HyperDriveNotImplementedException": "turnout.sweeps.exceptions:HyperDriveNotImplementedException",
        **_all(
            _FURTHER,
            "HyperDriveRehydrateException",
            "HyperDriveScenarioNotSupportedException",
            "HyperDriveServiceException",
        ),
    },
}
"""Each module's names → where Turnout has them."""

_SERVING = (
    "serving models is not what Turnout is for; load the model's file in a service of your own (FastAPI, BentoML)"
)
_PIPELINES = "pipelines are not carried out; submit each step, and wait for it, in a script"
_AUTOML = "automated machine learning is not carried out; a sweep tries hyperparameters of a script"
_INTERPRET = "use the package interpret-community itself"

INSTEAD: dict[str, str] = {
    "azureml.opendatasets": "open datasets are not there; download the files that you need",
    "azureml.dataprep": "the package behind v1's datasets is not there; make a dataset with Dataset.File or Dataset.Tabular",
    "azureml.data.HDFSOutputDatasetConfig": "it was for Synapse; use OutputFileDatasetConfig",
    "azureml.data.LinkFileOutputDatasetConfig": "register the dataset in the script",
    "azureml.data.LinkTabularOutputDatasetConfig": "register the dataset in the script",
    "azureml.data.sql_data_reference": "databases are not read; in the script, pandas.read_sql does",
    "azureml.core.Webservice": _SERVING,
    "azureml.core.model.ModelPackage": _SERVING,
    "azureml.core.model.InferenceConfig": _SERVING,
    "azureml.core.webservice": _SERVING,
    "azureml.core.Image": _SERVING,
    "azureml.core.image": _SERVING,
    "azureml.core.compute.AksCompute": _SERVING,
    "azureml.core.compute.DatabricksCompute": "use a Spark cluster: `turnout target add NAME --spark-master …`",
    "azureml.core.compute.SynapseCompute": "use a Spark cluster: `turnout target add NAME --spark-master …`",
    "azureml.core.compute.KubernetesCompute": "Kubernetes is not there yet; use a machine over SSH",
    "azureml.core.compute.DsvmCompute": "use RemoteCompute, a machine over SSH",
    "azureml.train.automl": _AUTOML,
    "azureml.automl": _AUTOML,
    "azureml.pipeline": _PIPELINES,
    "azureml.contrib": "what was in azureml.contrib is not carried out",
    "azureml.interpret": _INTERPRET,
    "azureml.explain": _INTERPRET,
    "azureml.tensorboard.export": "run.get_metrics() has the numbers; write them with torch.utils.tensorboard",
    "azureml.tensorboard.export_to_tensorboard": "run.get_metrics() has the numbers; write them with torch.utils.tensorboard",
    "azureml.datadrift": "watching data for drift is not carried out; use the package evidently",
    "azureml.monitoring": _SERVING,
    "azureml.studio": "the designer's modules are not there",
}
"""What Turnout doesn't have → what to use instead."""
