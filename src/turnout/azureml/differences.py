"""What works otherwise than in v1, and what is there to say that it can't be carried out: class and member → status and words."""

from __future__ import annotations

_DIFFERS, _MISSING = "differs", "missing"

_NOT_NEEDED = (_DIFFERS, "accepted and not needed: there is no account")
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
        (name, ""): (_MISSING, "several processes are not there yet")
        for name in ("Gloo", "Mpi", "Nccl", "ParameterServer")
    },
    ("AmlCompute", ""): (_DIFFERS, "a name of this machine's queue; vm_size and node counts are labels"),
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
    ("MpiConfiguration", ""): (_MISSING, "several processes are not there yet"),
    ("PyTorchConfiguration", ""): (_MISSING, "several processes are not there yet"),
    ("TensorflowConfiguration", ""): (_MISSING, "several processes are not there yet"),
    ("ParallelTaskConfiguration", ""): (_MISSING, "several processes are not there yet"),
    **{
        (name, ""): (_MISSING, "datasets are not there yet; give the script the path or URL of its data as an argument")
        for name in ("Data", "DataLocation", "DataPath", "DataReferenceConfiguration", "Dataset", "OutputData")
    },
}
"""What there is to say."""


def of(owner: str, member: str) -> tuple[str, str] | None:
    """Return status and words of a class's member, or of the class itself (no member); None where it simply works."""
    return KNOWN.get((owner, member))
