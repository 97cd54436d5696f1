"""What works otherwise than in v1, and what is there to say that it can't be carried out: class and member → status and words."""

from __future__ import annotations

from turnout.runtime.script.assets import datasets, datastores, models

_DIFFERS, _MISSING = "differs", "missing"

_NOT_NEEDED = (_DIFFERS, "accepted and not needed: there is no account")
_ONE_NODE = (_DIFFERS, "several processes on one node; more nodes are not there yet")
_NO_ACCOUNT = (_MISSING, "there is no account; for a service of Azure's own use the package azure-identity")
LOGINS = (
    "ArmTokenAuthentication",
    "AzureCliAuthentication",
    "AzureMLTokenAuthentication",
    "InteractiveLoginAuthentication",
    "MsiAuthentication",
    "ServicePrincipalAuthentication",
    "TokenAuthentication",
)
"""v1's authentication classes that a script makes."""

KNOWN: dict[tuple[str, str], tuple[str, str]] = {
    **{(name, ""): _NOT_NEEDED for name in LOGINS},
    **{
        (name, member): _NO_ACCOUNT
        for name in LOGINS
        for member in ("get_authentication_header", "get_token", "signed_session")
    },
    **{
        (name, ""): (_DIFFERS, "the framework's maintained environment, whatever old version is named; no container")
        for name in ("PyTorch", "TensorFlow", "SKLearn")
    },
    ("Estimator", ""): (_DIFFERS, "no container unless an image is named"),
    ("Chainer", ""): (_MISSING, "Chainer has no maintained environment; give an Estimator its packages"),
    **{
        (name, ""): _ONE_NODE
        for name in (
            "Gloo",
            "Mpi",
            "MpiConfiguration",
            "Nccl",
            "ParameterServer",
            "PyTorchConfiguration",
            "TensorflowConfiguration",
        )
    },
    ("AmlCompute", ""): (
        _DIFFERS,
        "a name over this machine or another target; max_nodes is how many runs it has at once, the rest are labels",
    ),
    ("ComputeInstance", ""): (_DIFFERS, "a name over this machine or another target, always running"),
    **{("ComputeInstance", name): (_DIFFERS, "does nothing, and says so") for name in ("restart", "start", "stop")},
    ("RunDetails", ""): (_DIFFERS, "prints a table where v1 drew a widget"),
    ("set_diagnostics_collection", ""): (_DIFFERS, "nothing is collected"),
    ("Experiment", "get_portal_url"): (_DIFFERS, "the URL of the experiment's directory"),
    ("Workspace", "location"): (_DIFFERS, "a label"),
    ("Workspace", "sku"): (_DIFFERS, "always Basic"),
    ("Workspace", "_resource_group"): (_DIFFERS, "a label"),
    ("Workspace", "_subscription_id"): (_DIFFERS, "a label"),
    ("Workspace", "resource_group"): (_DIFFERS, "a label"),
    ("Workspace", "subscription_id"): (_DIFFERS, "a label"),
    ("Run", "get_portal_url"): (_DIFFERS, "the URL of the record's directory"),
    ("HyperDriveRun", "get_diagnostics"): (_MISSING, "never carried out in v1 either"),
    ("HyperDriveRun", "fail"): (_MISSING, "cancel() ends a sweep"),
    ("ParallelTaskConfiguration", ""): (_MISSING, "tasks by the dozen are not carried out; a sweep is"),
    **{("Model", name): (_MISSING, words) for name, words in models.REFUSED.items()},
    **{("Datastore", name): (_MISSING, words) for name, words in datastores.REFUSED.items()},
    **{("TabularDataset", name): (_MISSING, words) for name, words in datasets.REFUSED.items()},
    **{
        (name, "filter"): (_MISSING, "read it with to_pandas_dataframe() and filter there")
        for name in ("FileDataset", "TabularDataset", "Dataset", "AbstractDataset")
    },
    **{
        (name, "get_partition_key_values"): (_MISSING, "read it with to_pandas_dataframe()")
        for name in ("FileDataset", "TabularDataset", "Dataset", "AbstractDataset")
    },
    **{
        ("FileDataset", name): (_MISSING, "not there; a target keeps what it has got by its content")
        for name in ("as_cache", "as_hdfs", "file_metadata", "hydrate")
    },
    **{("TabularDataset", name): (_MISSING, "make a FileDataset of the files") for name in ("download", "mount")},
    ("DatasetConsumptionConfig", "as_hdfs"): (_MISSING, "use as_mount(), or give Spark the URL"),
    ("OutputFileDatasetConfig", "as_input"): (_MISSING, "pipelines are not carried out"),
    **{
        (name, "from_sql_query"): (_MISSING, "databases are not read; in the script, pandas.read_sql does")
        for name in ("Dataset", "TabularDatasetFactory")
    },
    ("DataType", "to_stream"): (_MISSING, "make a FileDataset of the files"),
    ("Dataset", "from_excel_files"): (_MISSING, "make a FileDataset, and read it with pandas.read_excel"),
    ("Dataset", "from_pandas_dataframe"): (_MISSING, "use Dataset.Tabular.register_pandas_dataframe"),
    ("Datastore", "account_key"): (_DIFFERS, "always None: no key is kept"),
    ("Datastore", "sas_token"): (_DIFFERS, "always None: no token is kept"),
    ("Datastore", "account_name"): (_DIFFERS, "None for a folder"),
    ("Datastore", "register_azure_blob_container"): (_DIFFERS, "read with the package adlfs; the key is not kept"),
    ("Datastore", "register_azure_data_lake_gen2"): (_DIFFERS, "read with the package adlfs; the key is not kept"),
    ("Keyvault", ""): (_DIFFERS, "the system's keyring; a run gets the secrets that its Python files name"),
    ("Run", "get_secret"): (_DIFFERS, "of the secrets that the run was handed over"),
    ("Run", "get_secrets"): (_DIFFERS, "of the secrets that the run was handed over"),
    ("Workspace", "get_default_keyvault"): (_DIFFERS, "the system's keyring"),
    ("Workspace", "get_mlflow_tracking_uri"): (_DIFFERS, "a database of the workspace, beside Turnout's own runs"),
    ("get_mlflow_tracking_uri", ""): (_DIFFERS, "a database of the workspace, beside Turnout's own runs"),
    ("Model", "url"): (_DIFFERS, "the URL of the model's directory on this machine"),
}
"""What there is to say."""


def of(owner: str, member: str) -> tuple[str, str] | None:
    """Return status and words of a class's member, or of the class itself (no member); None where it simply works."""
    return KNOWN.get((owner, member))
