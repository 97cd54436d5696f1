"""v1's names for what comes with every run, where Turnout isn't installed whole. Compiles for Python 3.6."""

from turnout.runtime.script.door import Door

MYPY = False
if MYPY:
    from typing import Dict

_RUN = "turnout.runtime.script.run:Run"
_EXCEPTIONS = "turnout.runtime.script.exceptions:"
_RAISED = {
    name: _EXCEPTIONS + name
    for name in (
        "ActivityFailedException",
        "ComputeTargetException",
        "ExperimentExecutionException",
        "ModelNotFoundException",
        "ModelPathNotFoundException",
        "RunConfigurationException",
        "RunEnvironmentException",
        "SnapshotException",
        "UserErrorException",
        "WebserviceException",
        "WorkspaceException",
    )
}
_RAISED["AzureMLException"] = _EXCEPTIONS + "TurnoutException"

_NEEDS_MORE = "it needs a full installation of turnout in the script's environment"

_ASSETS = "turnout.runtime.script.assets."
_DATASET = {name: "%sdataset:%s" % (_ASSETS, name) for name in ("Dataset", "PromoteHeadersBehavior")}
_DATASETS = {name: "%sdatasets:%s" % (_ASSETS, name) for name in ("AbstractDataset", "FileDataset", "TabularDataset")}
_FACTORIES = {
    name: "%sfactories:%s" % (_ASSETS, name) for name in ("DataType", "FileDatasetFactory", "TabularDatasetFactory")
}
_STORES = {
    name: "%sdatastores:%s" % (_ASSETS, name)
    for name in ("AbstractDatastore", "AzureBlobDatastore", "AzureFileDatastore", "Datastore")
}
_PASSED = {
    name: "%sconsumption:%s" % (_ASSETS, name)
    for name in ("DatasetConsumptionConfig", "OutputDatasetConfig", "OutputFileDatasetConfig")
}
_REFERENCES = {
    name: "%sreferences:%s" % (_ASSETS, name) for name in ("DataPath", "DataPathComputeBinding", "DataReference")
}
_MODEL = "%smodels:Model" % _ASSETS

DATA: "Dict[str, Dict[str, str]]" = {
    "azureml.core.dataset": _DATASET,
    "azureml.core.datastore": {"Datastore": _STORES["Datastore"]},
    "azureml.core.keyvault": {"Keyvault": "%skeyvault:Keyvault" % _ASSETS},
    "azureml.core.model": {
        "Model": _MODEL,
        "Dataset": _DATASET["Dataset"],
        "FileDataset": _DATASETS["FileDataset"],
        "TabularDataset": _DATASETS["TabularDataset"],
        "ModelNotFoundException": _RAISED["ModelNotFoundException"],
        "WebserviceException": _RAISED["WebserviceException"],
        "UserErrorException": _RAISED["UserErrorException"],
        "MODELS_DIR": "%smodels:CACHE" % _ASSETS,
    },
    "azureml.data": {
        "DataType": _FACTORIES["DataType"],
        "FileDataset": _DATASETS["FileDataset"],
        "TabularDataset": _DATASETS["TabularDataset"],
        "OutputFileDatasetConfig": _PASSED["OutputFileDatasetConfig"],
    },
    "azureml.data.abstract_dataset": {"AbstractDataset": _DATASETS["AbstractDataset"]},
    "azureml.data.abstract_datastore": {"AbstractDatastore": _STORES["AbstractDatastore"]},
    "azureml.data.azure_storage_datastore": {
        name: _STORES[name] for name in ("AzureBlobDatastore", "AzureFileDatastore")
    },
    "azureml.data.data_reference": {"DataReference": _REFERENCES["DataReference"]},
    "azureml.data.datapath": _REFERENCES,
    "azureml.data.dataset_consumption_config": {"DatasetConsumptionConfig": _PASSED["DatasetConsumptionConfig"]},
    "azureml.data.dataset_error_handling": {"DatasetValidationError": _RAISED["UserErrorException"]},
    "azureml.data.dataset_factory": _FACTORIES,
    "azureml.data.file_dataset": {"FileDataset": _DATASETS["FileDataset"]},
    "azureml.data.output_dataset_config": {
        name: _PASSED[name] for name in ("OutputDatasetConfig", "OutputFileDatasetConfig")
    },
    "azureml.data.tabular_dataset": {"TabularDataset": _DATASETS["TabularDataset"]},
}
"""The modules of data and models: the same on the submitter's side and in a run."""

MODULES: "Dict[str, Dict[str, str]]" = {
    **DATA,
    "azureml.core": {
        "Run": _RUN,
        "Dataset": _DATASET["Dataset"],
        "Datastore": _STORES["Datastore"],
        "Keyvault": DATA["azureml.core.keyvault"]["Keyvault"],
        "Model": _MODEL,
        "Workspace": "turnout.runtime.script.context:Workspace",
        "Experiment": "turnout.runtime.script.context:Experiment",
        "VERSION": "turnout.runtime.script.azureml_names:VERSION",
        "__version__": "turnout.runtime.script.azureml_names:VERSION",
    },
    "azureml.core.run": {"Run": _RUN, "_OfflineRun": "turnout.runtime.script.offline:OfflineRun"},
    "azureml.core.workspace": {"Workspace": "turnout.runtime.script.context:Workspace"},
    "azureml.core.experiment": {"Experiment": "turnout.runtime.script.context:Experiment"},
    "azureml.exceptions": _RAISED,
    "azureml.core.compute_target": {"ComputeTargetException": _RAISED["ComputeTargetException"]},
}
"""Each module's names → where they are."""

INSTEAD = {"azureml.core": _NEEDS_MORE, "azureml.train": _NEEDS_MORE}
"""What isn't there → why."""

VERSION = "1.62.0"
"""What `azureml.core.VERSION` says: v1's last release, whose names these are."""

door = Door("azureml", MODULES, INSTEAD)
