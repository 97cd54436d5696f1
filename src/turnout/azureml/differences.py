"""What works otherwise than in v1, and what is there to say that it can't be carried out: class and member → status and words."""

from __future__ import annotations

from turnout import run, workspace
from turnout.environments import environment
from turnout.runtime.script.assets import datasets, datastores, models
from turnout.targets import aml_compute

_DIFFERS, _MISSING = "differs", "missing"

_NOT_NEEDED = (_DIFFERS, "accepted and not needed: there is no account")
_NO_TASKS = (_MISSING, "tasks by the dozen are not carried out; a sweep is")
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

_NO_R = "R is not installed; put it into a container's image"
KNOWN: dict[tuple[str, str], tuple[str, str]] = {
    **{(name, ""): _NOT_NEEDED for name in LOGINS},
    **{
        ("AbstractAuthentication", member): _NO_ACCOUNT
        for member in ("get_authentication_header", "get_token", "signed_session")
    },
    ("ArmTokenAuthentication", "update_arm_access_token"): _NOT_NEEDED,
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
    **{
        (name, ""): (_MISSING, words)
        for name, words in (
            ("AmlComputeConfiguration", "name a target: a cluster is not made for one run"),
            ("ApplicationEndpointConfiguration", "services beside the script are not carried out"),
            ("DatacacheConfiguration", "data caches are not there; a target keeps what it has got by its content"),
            ("DockerBuildContext", "give the Dockerfile as docker.base_dockerfile"),
            ("KubernetesComputeConfiguration", "Kubernetes is not there yet; use a machine over SSH"),
            ("RCranPackage", _NO_R),
            ("RGitHubPackage", _NO_R),
            ("RSection", _NO_R),
            ("RegistryIdentity", "there is no managed identity; log in with the container engine"),
        )
    },
    **{
        ("RunConfiguration", name): (_MISSING, words)
        for name, words in (
            ("amlcompute", "name a target: a cluster is not made for one run"),
            ("auto_cluster_compute_specification", "name a target: a cluster is not made for one run"),
            ("credential_passthrough", "there is no account to pass on"),
            ("datacaches", "data caches are not there; a target keeps what it has got by its content"),
            ("kubernetescompute", "Kubernetes is not there yet; use a machine over SSH"),
            ("paralleltask", _NO_TASKS[1]),
            ("services", "services beside the script are not carried out"),
            ("source_directory_data_store", "the code travels as a snapshot"),
        )
    },
    ("RunConfiguration", "communicator"): _ONE_NODE,
    ("RunConfiguration", "framework"): (_DIFFERS, "CNTK is refused"),
    ("RunConfiguration", "node_count"): (_DIFFERS, "only 1 so far"),
    ("HistoryConfiguration", "directories_to_watch"): (_DIFFERS, "only outputs and logs"),
    ("HistoryConfiguration", "output_collection"): (_DIFFERS, "always: False is refused"),
    ("HistoryConfiguration", "snapshot_project"): (_DIFFERS, "always: False is refused"),
    ("Environment", "databricks"): (_MISSING, "use a Spark cluster: `turnout target add NAME --spark-master …`"),
    ("Environment", "inferencing_stack_version"): (_DIFFERS, "kept, and not used: models are not served"),
    ("Environment", "r"): (_MISSING, _NO_R),
    ("DockerSection", "build_context"): (_MISSING, "give the Dockerfile as docker.base_dockerfile"),
    ("DockerSection", "gpu_support"): (_DIFFERS, "has no effect, as in v1: GPUs are found out"),
    **{
        (name, "shared_volumes"): (_DIFFERS, "always: a run's directory is shared with its container")
        for name in ("DockerConfiguration", "DockerSection")
    },
    ("DockerImagePlatform", ""): (_DIFFERS, "kept, and not used: the platform is that of the machine"),
    ("SparkSection", "precache_packages"): (_DIFFERS, "kept, and not used"),
    ("ContainerRegistry", "address"): (_DIFFERS, "the image's name has to begin with it, too"),
    ("ContainerRegistry", "username"): (_DIFFERS, "kept, and not used; log in with the container engine"),
    ("ContainerRegistry", "password"): (_MISSING, "it would end up in the record; log in with the container engine"),
    ("ContainerRegistry", "registry_identity"): (
        _MISSING,
        "there is no managed identity; log in with the container engine",
    ),
    ("HyperDriveConfig", "pipeline"): (_DIFFERS, "always None: pipelines are not carried out"),
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
    ("Run", "submit_child"): (
        _DIFFERS,
        "on this machine it takes a slot of its own: for a script that waits for it, `turnout target update local --slots N`",
    ),
    ("HyperDriveRun", "get_diagnostics"): (_MISSING, "never carried out in v1 either"),
    ("HyperDriveRun", "fail"): (_MISSING, "cancel() ends a sweep"),
    ("ParallelTaskConfiguration", ""): _NO_TASKS,
    **{("Model", name): (_MISSING, words) for name, words in models.REFUSED.items()},
    **{("Datastore", name): (_MISSING, words) for name, words in datastores.REFUSED.items()},
    **{("TabularDataset", name): (_MISSING, words) for name, words in datasets.REFUSED.items()},
    **{("AbstractDataset", name): (_MISSING, words) for name, words in datasets.REFUSED_OF_ALL.items()},
    **{("Workspace", name): (_MISSING, words) for name, words in workspace.REFUSED.items()},
    **{("Run", name): (_MISSING, words) for name, words in run.REFUSED.items()},
    **{("AmlCompute", name): (_MISSING, words) for name, words in aml_compute.REFUSED.items()},
    **{("Environment", name): (_MISSING, words) for name, words in environment.REFUSED.items()},
    ("AbstractDataset", "filter"): (_MISSING, "read it with to_pandas_dataframe() and filter there"),
    ("AbstractDataset", "get_partition_key_values"): (_MISSING, "read it with to_pandas_dataframe()"),
    **{
        ("FileDataset", name): (_MISSING, "not there; a target keeps what it has got by its content")
        for name in ("as_cache", "as_hdfs", "file_metadata", "hydrate")
    },
    **{("TabularDataset", name): (_MISSING, "make a FileDataset of the files") for name in ("download", "mount")},
    ("DatasetConsumptionConfig", "as_hdfs"): (_MISSING, "use as_mount(), or give Spark the URL"),
    ("OutputDatasetConfig", "as_input"): (_MISSING, "pipelines are not carried out"),
    **{
        (name, "from_sql_query"): (_MISSING, "databases are not read; in the script, pandas.read_sql does")
        for name in ("Dataset", "TabularDatasetFactory")
    },
    ("DataType", "to_stream"): (_MISSING, "make a FileDataset of the files"),
    ("Dataset", "from_excel_files"): (_MISSING, "make a FileDataset, and read it with pandas.read_excel"),
    ("Dataset", "from_pandas_dataframe"): (_MISSING, "use Dataset.Tabular.register_pandas_dataframe"),
    ("Datastore", "account_key"): (_DIFFERS, "always None: no key is kept"),
    ("Datastore", "sas_token"): (_DIFFERS, "always None: no token is kept"),
    ("Datastore", "account_name"): (_DIFFERS, "a label; None for a folder that a person registered"),
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
