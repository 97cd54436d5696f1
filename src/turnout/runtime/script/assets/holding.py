"""What a Workspace says of its data and models, the same on the submitter's side and in a run."""

MYPY = False
if MYPY:
    from typing import Any, Dict


class WorkspaceAssets:
    """The datastores, datasets and models of a workspace; a subclass says by `assets` which place has them."""

    @property
    def assets(self) -> "Any":
        """The place that says what the workspace has; see `places`."""
        raise NotImplementedError

    @property
    def datastores(self) -> "Dict[str, Any]":
        """The datastores by name."""
        from turnout.runtime.script.assets.datastores import Datastore

        return {name: Datastore(self, name) for name in self.assets.datastore_names()}

    @property
    def datasets(self) -> "Dict[str, Any]":
        """The latest version of every registered dataset, by name."""
        from turnout.runtime.script.assets.dataset import Dataset

        return Dataset.get_all(self)

    @property
    def models(self) -> "Dict[str, Any]":
        """The latest version of every registered model, by name."""
        from turnout.runtime.script.assets.models import Model
        from turnout.runtime.script.assets.places import MODEL

        return {name: Model(self, name) for name in self.assets.registered(MODEL)}

    def get_default_datastore(self) -> "Any":
        """Return the default datastore: `workspaceblobstore`, a folder of the Turnout home, unless another one was chosen."""
        from turnout.runtime.script.assets.datastores import Datastore

        return Datastore(self)

    def get_default_keyvault(self) -> "Any":
        """Return the workspace's secrets."""
        from turnout.runtime.script.assets.keyvault import Keyvault

        return Keyvault(self)

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore, by its name, the default one.

        Raises:
            UserErrorException: there is no such datastore.
        """
        from turnout.runtime.script.assets.datastores import Datastore

        Datastore(self, name).set_as_default()
