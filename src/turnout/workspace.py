"""`Workspace`: the place that a person's experiments, runs, environments and targets belong to."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from turnout.exceptions import RecordException, UserErrorException, WorkspaceException
from turnout.runtime import exclusive, foundation, layout, records
from turnout.runtime.script.assets.holding import WorkspaceAssets
from turnout.runtime.script.refusals import refuse

if TYPE_CHECKING:
    from turnout.environments.environment import Environment
    from turnout.experiment import Experiment
    from turnout.run import Run
    from turnout.targets.compute_target import ComputeTarget

DEFAULT_NAME = "default"
LOCATION = "local"
"""Where a workspace is of which nobody has said it."""
_NAME = re.compile(r"[a-zA-Z0-9][\w\-]{0,32}", re.ASCII)
_CONFIG_DIRECTORIES = (".turnout", ".azureml", "aml_config", "")
_CONFIG_FILES = ("config.json", "project.json")


class Workspace(WorkspaceAssets):
    """A workspace of this account's Turnout home.

    Args:
        subscription_id: a label kept for v1's scripts; it has no meaning here.
        resource_group: likewise.
        workspace_name: the workspace's name; it must exist (`Workspace.create` makes one).
        auth: accepted for v1's scripts and not needed.
        _location: v1's own, like all that follow: what its service had answered. They have no meaning here.
        _disable_service_check: see `_location`.
        _workspace_id: see `_location`.
        sku: see `_location`.
        tags: see `_location`; `Workspace.create` takes tags.
        _cloud: see `_location`.

    Raises:
        WorkspaceException: there is no such workspace.
    """

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str | None = None,
        auth: Any = None,
        _location: str | None = None,
        _disable_service_check: bool = False,
        _workspace_id: str | None = None,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        _cloud: str = "AzureCloud",
    ) -> None:
        name = _checked(workspace_name or DEFAULT_NAME)
        self.home = layout.Home(layout.home_directory())
        self.layout = self.home.workspace(name)
        self.config_file: str | None = None
        check_format(self.home)
        try:
            definition = records.read_json(self.layout.definition)
            self.name = str(definition["name"])
            self.id = str(definition["id"])
        except FileNotFoundError:
            known = ", ".join(_names(self.home)) or "none yet"
            raise WorkspaceException(
                f"no workspace {name!r} in {self.home.root} (there is: {known}); "
                f"make it with Workspace.create(name={name!r})"
            ) from None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RecordException(
                f"the workspace {name!r} can't be read, {self.layout.definition} is damaged or closed: {error!r}; "
                "restore that file from a copy, or remove it: it is made anew, and the runs stay"
            ) from error
        self._labels: dict[str, Any] = _mapping(definition.get("labels"))
        # v1's scripts put these into texts, so they are texts also where nobody has given the labels.
        self.subscription_id = str(subscription_id or self._labels.get("subscription_id") or "")
        self.resource_group = str(resource_group or self._labels.get("resource_group") or "")
        self.location = str(self._labels.get("location") or LOCATION)
        self.tags: dict[str, str] = _mapping(definition.get("tags"))

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r}, "
            f"resource_group={self.resource_group!r})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and other.layout.root == self.layout.root

    def __hash__(self) -> int:
        return hash(self.layout.root)

    @staticmethod
    def create(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        create_resource_group: bool = True,
        sku: str = "basic",
        tags: dict[str, str] | None = None,
        friendly_name: str | None = None,
        storage_account: str | None = None,
        key_vault: str | None = None,
        app_insights: str | None = None,
        container_registry: str | None = None,
        adb_workspace: str | None = None,
        primary_user_assigned_identity: str | None = None,
        cmk_keyvault: str | None = None,
        resource_cmk_uri: str | None = None,
        hbi_workspace: bool = False,
        default_cpu_compute_target: Any = None,
        default_gpu_compute_target: Any = None,
        private_endpoint_config: Any = None,
        private_endpoint_auto_approval: bool = True,
        exist_ok: bool = False,
        show_output: bool = True,
        user_assigned_identity_for_cmk_encryption: str | None = None,
        system_datastores_auth_mode: str = "accessKey",
        v1_legacy_mode: bool | None = None,
    ) -> Workspace:
        """Make a workspace.

        Arguments that aren't listed are v1's; they have no meaning without a cloud.

        Args:
            name: up to 33 letters, digits, `-` and `_`, the first a letter or digit.
            auth: accepted for v1's scripts and not needed.
            subscription_id: kept as a label, like `resource_group` and `location`; nothing here depends on it.
            resource_group: see `subscription_id`.
            location: see `subscription_id`.
            tags: labels of your own.
            default_cpu_compute_target: a cluster to make with it, in v1; not carried out, a warning says so.
            default_gpu_compute_target: likewise.
            exist_ok: return the workspace if it is there already.

        Raises:
            WorkspaceException: the name can't be used, or is taken and `exist_ok` is false.
            RecordException: the home can't be written.
        """
        _checked(name)
        if default_cpu_compute_target is not None or default_gpu_compute_target is not None:
            from turnout.elements import warn

            warn("Workspace.create makes no clusters; use the target 'local', or ComputeTarget.create")
        home = layout.Home(layout.home_directory())
        labels = {"subscription_id": subscription_id, "resource_group": resource_group, "location": location}
        made = _make(home, name, {key: value for key, value in labels.items() if value}, tags or {})
        if not made and not exist_ok:
            raise WorkspaceException(f"the workspace {name!r} exists already; pass exist_ok=True or use Workspace.get")
        return Workspace(subscription_id, resource_group, name)

    @staticmethod
    def get(
        name: str,
        auth: Any = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,  # noqa: A002 - v1's name
    ) -> Workspace:
        """Return an existing workspace. Arguments other than `name` are v1's and have no meaning here."""
        return Workspace(subscription_id, resource_group, name)

    @staticmethod
    def list(
        subscription_id: str | None = None, auth: Any = None, resource_group: str | None = None
    ) -> dict[str, list[Workspace]]:
        """Return the workspaces of this home by name, each in a list of one, as v1 shapes it."""
        home = layout.Home(layout.home_directory())
        return {name: [Workspace(workspace_name=name)] for name in _names(home)}

    @staticmethod
    def from_config(
        path: str | None = None, auth: Any = None, _logger: Any = None, _file_name: str | None = None
    ) -> Workspace:
        """Return the workspace that this place on the disk belongs to.

        In this order: the variable TURNOUT_WORKSPACE (when no `path` is given); the nearest `.turnout/config.json`,
        `.azureml/`, `aml_config/` or plain `config.json` upwards that names a workspace (other JSON is passed over); the
        workspace `default`. A workspace that is named here and isn't there yet is made.

        Args:
            path: a config file, or the directory to begin at (the working directory by default).
            auth: accepted for v1's scripts and not needed.

        Raises:
            WorkspaceException: `path` is no usable config file.
        """
        named = os.environ.get(layout.WORKSPACE_VARIABLE)
        found: tuple[str, dict[str, Any]] | None = None
        if path is not None or not named:
            found = _find_config(path, _file_name)
        values = found[1] if found else {}
        name = _checked(str(values.get("workspace_name") or named or DEFAULT_NAME))
        home = layout.Home(layout.home_directory())
        if not os.path.exists(home.workspace(name).definition):
            _make(home, name, {key: values[key] for key in ("subscription_id", "resource_group") if key in values}, {})
        workspace = Workspace(values.get("subscription_id"), values.get("resource_group"), name)
        workspace.config_file = found[0] if found else None
        return workspace

    @staticmethod
    def setup() -> Workspace:
        """Return the workspace that this place on the disk belongs to, and make it when it isn't there; see `from_config`."""
        return Workspace.from_config()

    def update(
        self,
        friendly_name: str | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Give the workspace other labels, and return its details.

        Args:
            friendly_name: a name for people.
            description: a text.
            tags: take the place of the present ones.
            **kwargs: v1's other arguments; they have no meaning without a cloud.
        """
        definition = records.read_json(self.layout.definition)
        labels = {"friendly_name": friendly_name, "description": description}
        self._labels.update({key: value for key, value in labels.items() if value is not None})
        if tags is not None:
            self.tags = {str(key): str(value) for key, value in tags.items()}
        records.write_json(self.layout.definition, {**definition, "labels": self._labels, "tags": self.tags})
        return self.get_details()

    def write_config(self, path: str | None = None, file_name: str | None = None) -> None:
        """Write `.turnout/config.json` below `path` (the working directory by default), for `from_config` to find.

        A script that was written for v1 finds it where it looks: in `.azureml/`, or in `aml_config/` where that is there.
        """
        folder = ".turnout"
        if "turnout.azureml" in sys.modules:
            folder = "aml_config" if os.path.isdir(os.path.join(path or ".", "aml_config")) else ".azureml"
        directory = os.path.join(path or ".", folder)
        os.makedirs(directory, exist_ok=True)
        values = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        records.write_json(os.path.join(directory, file_name or "config.json"), values)

    @property
    def experiments(self) -> dict[str, Experiment]:
        """The experiments by name."""
        from turnout.experiment import Experiment

        return {experiment.name: experiment for experiment in Experiment.list(self)}

    @property
    def compute_targets(self) -> dict[str, ComputeTarget]:
        """The compute targets by name."""
        from turnout.targets.compute_target import ComputeTarget, names

        return {name: ComputeTarget(self, name) for name in names(self)}

    @property
    def environments(self) -> dict[str, Environment]:
        """The registered and curated environments by name."""
        from turnout.environments.environment import Environment

        return Environment.list(self)

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """Return a tracking URI for MLflow: a SQLite database of this workspace; in a run one of the run's outputs.

        MLflow's runs are kept there, beside Turnout's: logging into a Turnout run is not there yet.

        Args:
            _with_auth: accepted as in v1; there is no account.
        """
        from turnout.runtime import mlflow

        inside = os.environ.get(layout.RUN_DIRECTORY_VARIABLE)
        if inside:
            return mlflow.variables(layout.RunLayout(os.path.abspath(inside)))["MLFLOW_TRACKING_URI"]
        return mlflow.uri(self.layout.root)

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id. Raises UserErrorException when there is none."""
        from turnout.run import Run

        return Run.get(self, run_id)

    @property
    def assets(self) -> Any:
        """The place that says which datastores, datasets and models the workspace has."""
        from turnout.runtime.script.assets.places import Live

        directory = os.environ.get(layout.RUN_DIRECTORY_VARIABLE)
        if directory and os.path.dirname(os.path.dirname(os.path.abspath(directory))) == self.layout.root:
            from turnout.run import Run

            return Live(self.layout, Run(directory))  # what a run registers says so
        return Live(self.layout)

    @property
    def sku(self) -> str:
        """V1's tier of a workspace, as it was called at the end; it has no meaning here."""
        return "Basic"

    # v1's scripts use these names although they are private.
    @property
    def _workspace_name(self) -> str:
        return self.name

    @property
    def _workspace_id(self) -> str:
        return self.id

    @property
    def _subscription_id(self) -> str:
        return self.subscription_id

    @property
    def _resource_group(self) -> str:
        return self.resource_group

    def described(self) -> dict[str, Any]:
        """Return what a run's record says of its workspace: id, name, and v1's labels as far as there are any."""
        labels = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "location": self._labels.get("location"),
        }
        return {"id": self.id, "name": self.name, **{name: value for name, value in labels.items() if value}}

    def get_details(self) -> dict[str, Any]:
        """Return what is known of the workspace, under v1's keys."""
        return {
            "id": self.id,
            "name": self.name,
            "location": self.location,
            "tags": dict(self.tags),
            "workspaceid": self.id,
            "home": self.home.root,
        }


_NO_NETWORK = "there is no network of a cloud's"
_NO_SERVICES = "serving models is not what Turnout is for; load the model's file in a service of your own"
_NO_CONNECTIONS = "a datastore says where data is, and the key vault keeps secrets"
_NO_ACCOUNT = "there is no account"
REFUSED = {
    "add_private_endpoint": _NO_NETWORK,
    "delete_private_endpoint_connection": _NO_NETWORK,
    "private_endpoints": _NO_NETWORK,
    "delete_connection": _NO_CONNECTIONS,
    "get_connection": _NO_CONNECTIONS,
    "list_connections": _NO_CONNECTIONS,
    "set_connection": _NO_CONNECTIONS,
    "linked_services": _NO_CONNECTIONS,
    "delete": "a workspace is kept with its runs; `turnout runs delete` and `turnout gc` free space",
    "diagnose_workspace": "`turnout doctor` looks for what is wrong",
    "get_default_compute_target": "name a target: ComputeTarget(workspace, name)",
    "list_keys": _NO_ACCOUNT,
    "sync_keys": _NO_ACCOUNT,
    "update_dependencies": _NO_ACCOUNT,
    "service_context": _NO_ACCOUNT,
    "discovery_url": _NO_ACCOUNT,
    "_auth_object": _NO_ACCOUNT,
    "_get_or_create": "use Workspace.create(name, exist_ok=True)",
    "images": _NO_SERVICES,
    "webservices": _NO_SERVICES,
}
"""Members of v1's Workspace that are not there → what to use instead."""
refuse(
    Workspace,
    REFUSED,
    (
        "private_endpoints",
        "linked_services",
        "service_context",
        "discovery_url",
        "_auth_object",
        "images",
        "webservices",
    ),
)


def check_format(home: layout.Home) -> None:
    """Refuse a home that a newer Turnout has written.

    Raises:
        RecordException: the home's format is newer, or it can't be read.
    """
    try:
        version = int(records.read_json(home.format)["format"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordException(f"{home.format} can't be read ({error}); check the permissions of {home.root}") from error
    if version > layout.FORMAT:
        raise RecordException(
            f"{home.root} was written by a newer Turnout (format {version}, this one knows {layout.FORMAT}); "
            "update Turnout, or set TURNOUT_HOME to another directory"
        )


def _make(home: layout.Home, name: str, labels: dict[str, Any], tags: dict[str, str]) -> bool:
    """Make a home and a workspace in it; return False when the workspace was there. Safe against others doing the same."""
    workspace = home.workspace(name)
    check_format(home)
    try:
        foundation.lay(home, workspace)
        identity = os.urandom(16).hex()
        value = {"id": identity, "name": name, "created": time.time(), "labels": labels, "tags": tags}
        temporary = f"{workspace.definition}.{identity}.tmp"
        records.write_json(temporary, value)
        try:
            exclusive.place(temporary, workspace.definition)  # of two at once, the first one's id stands
        except FileExistsError:
            return False
        finally:
            exclusive.discard(temporary)
    except OSError as error:
        raise RecordException(
            f"can't write to the Turnout home {home.root}: {(error.strerror or str(error)).lower()}: {error.filename}; "
            "mend its permissions, free some space, or set TURNOUT_HOME to another directory"
        ) from error
    return True


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _names(home: layout.Home) -> list[str]:
    try:
        found = os.listdir(home.workspaces)
    except FileNotFoundError:
        return []
    return sorted(name for name in found if os.path.exists(home.workspace(name).definition))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise WorkspaceException(
            f"the workspace name {name!r} can't be used: 1 to 33 letters, digits, - and _, the first a letter or digit"
        )
    return name


def _find_config(path: str | None, file_name: str | None) -> tuple[str, dict[str, Any]] | None:
    """Return the nearest config file and what it names; None when there is none."""
    if path is not None and os.path.isfile(path):
        values = _read_config(path)
        if values is None:
            raise WorkspaceException(f"{path} names no workspace: it needs a workspace_name or a Scope")
        return path, values
    if path is not None and not os.path.isdir(path):
        raise UserErrorException(f"no config file or directory at {path}; Workspace.write_config makes a config.json")
    directory = os.path.abspath(path or ".")
    while True:
        for folder in _CONFIG_DIRECTORIES:
            for name in (file_name,) if file_name else _CONFIG_FILES:
                candidate = os.path.join(directory, folder, name)
                values = _read_config(candidate)
                if values is not None:
                    return candidate, values
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def _read_config(path: str) -> dict[str, Any] | None:
    """Read a config file's labels; None when it isn't there or is other JSON."""
    try:
        with open(path, encoding="utf-8") as stream:
            value = json.load(stream)
    except (OSError, ValueError):
        return None
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("workspace_name"), str):
        return value
    scope = value.get("Scope")
    if isinstance(scope, str) and scope:
        parts = scope.split("/")  # /subscriptions/S/resourceGroups/R/providers/Microsoft…/workspaces/W
        labels = {"workspace_name": parts[-1]}
        if len(parts) >= 9:
            labels.update(subscription_id=parts[2], resource_group=parts[4])
        return labels
    return None
