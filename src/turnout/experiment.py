"""`Experiment`: a named series of runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from turnout.exceptions import UserErrorException
from turnout.runtime import layout, records

if TYPE_CHECKING:
    from turnout.run import Run
    from turnout.workspace import Workspace

_VIEWS = ("ActiveOnly", "All", "ArchivedOnly")
_NAME = re.compile(r"[a-zA-Z0-9][\w\-]{0,254}", re.ASCII)


class ViewType:
    """Which experiments are listed; v1's words."""

    ActiveOnly = "ActiveOnly"
    All = "All"
    ArchivedOnly = "ArchivedOnly"


class Experiment:
    """A series of runs under one name. It comes to be with its first run.

    Args:
        workspace: the workspace that it belongs to.
        name: 1 to 255 letters, digits, `-` and `_`, the first a letter or digit (v1's rule).
        **kwargs: accepted as in v1.

    Raises:
        UserErrorException: the name can't be used.
    """

    def __init__(self, workspace: Workspace, name: str, **kwargs: Any) -> None:
        check_name(name)
        self.workspace = workspace
        self.workspace_object = workspace
        self.name = name

    def __repr__(self) -> str:
        return f"Experiment(Name: {self.name},\nWorkspace: {self.workspace.name})"

    @property
    def id(self) -> str:
        """An id that is the same for the same name in the same workspace."""
        import hashlib

        return hashlib.sha256(f"{self.workspace.id}/{self.name}".encode()).hexdigest()[:32]

    def submit(self, config: Any, tags: dict[str, str] | None = None, **kwargs: Any) -> Run:
        """Submit a run and return it at once; the run goes on without this process.

        Args:
            config: a ScriptRunConfig, or a HyperDriveConfig; it is copied, so it may be changed and submitted again.
            tags: tags of the run.
            **kwargs: `run_id` (an id of your own), `display_name`, `secrets` (beyond v1: variables of the script that no
                record holds, see `Environment.secret_variables`), and v1's `show_output`, which it ignored too. A warning names
                all others.

        Raises:
            UserErrorException: something in the configuration can't be used; nothing was recorded.
        """
        if hasattr(config, "_submit_to"):  # a configuration that is carried out in a way of its own: a sweep
            submitted: Run = config._submit_to(self, tags or {}, **kwargs)
            return submitted
        from turnout import submission

        return submission.submit(self, config, tags=tags or {}, **kwargs)

    def start_logging(
        self, *args: Any, outputs: str | None = None, snapshot_directory: str | None = ".", **kwargs: Any
    ) -> Run:
        """Begin a run in this process, for interactive work; end it with `complete()`, `fail()` or `with`.

        Args:
            outputs: the directory whose files are kept when the run ends; `./outputs` by default.
            snapshot_directory: the code to keep with the run; None keeps none.
            **kwargs: `display_name`.
        """
        from turnout import interactive

        return interactive.start_logging(self, snapshot_directory, outputs, display_name=kwargs.get("display_name"))

    def get_runs(
        self,
        type: str | None = None,  # noqa: A002 - v1's name
        tags: str | dict[str, str] | None = None,
        properties: str | dict[str, str] | None = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """Yield the runs, newest first, filtered as in v1 (a string: has that tag; a dict: has these values)."""
        from turnout.run import Run

        return Run.list(self, type=type, tags=tags, properties=properties, include_children=include_children)

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: str | None = None,
        view_type: str = "ActiveOnly",
        tags: str | dict[str, str] | None = None,
    ) -> list[Experiment]:
        """Return the experiments that have had a run, by name.

        Args:
            workspace: whose.
            experiment_name: only the one of this name.
            view_type: `ActiveOnly` for those that are not archived, `ArchivedOnly`, or `All`.
            tags: only those that have this tag (a string) or these values (a dict).

        Raises:
            UserErrorException: another `view_type`.
        """
        from turnout.runtime.script.labels import matches

        if view_type not in _VIEWS:
            raise UserErrorException(f"view_type is {', '.join(_VIEWS)}, not {view_type!r}")
        try:
            names = sorted(os.listdir(workspace.layout.experiments))
        except FileNotFoundError:
            names = []
        found = [Experiment(workspace, name) for name in names if experiment_name in (None, name)]
        return [
            each
            for each in found
            if (view_type == "All" or (each.archived_time is None) == (view_type == "ActiveOnly"))
            and (tags is None or matches(each.tags, tags))
        ]

    @staticmethod
    def from_directory(path: str, auth: Any = None) -> Experiment:
        """Return the experiment of a project's directory: it has the directory's name, in the workspace that its files name."""
        from turnout.workspace import Workspace

        return Experiment(Workspace.from_config(path), os.path.basename(os.path.abspath(path)))

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str) -> None:
        """Remove an experiment that has no runs (any more).

        Args:
            workspace: whose.
            experiment_id: its `id`.

        Raises:
            UserErrorException: there is none of that id, or it has runs (v1's rule).
        """
        for each in Experiment.list(workspace, view_type="All"):
            if each.id == experiment_id:
                if next(each.get_runs(include_children=True), None) is not None:
                    raise UserErrorException(
                        f"the experiment {each.name} has runs; archive() hides it, `turnout runs delete` removes runs"
                    )
                import shutil

                shutil.rmtree(os.path.join(workspace.layout.experiments, each.name))
                return
        raise UserErrorException(f"there is no experiment with the id {experiment_id} in {workspace.name}")

    @property
    def tags(self) -> dict[str, Any]:
        """Labels of your own."""
        return dict(self._labels().get("tags") or {})

    @property
    def archived_time(self) -> str | None:
        """When it was archived, ISO 8601 in UTC; None when it isn't."""
        moment = self._labels().get("archived")
        return None if moment is None else str(moment)

    def tag(self, key: str, value: Any = None) -> None:
        """Give the experiment a tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Give the experiment tags; others stay."""
        self._keep(tags={**self.tags, **{str(key): None if each is None else str(each) for key, each in tags.items()}})

    def remove_tags(self, tags: Any) -> None:
        """Take tags from the experiment, by their names."""
        gone = [tags] if isinstance(tags, str) else list(tags)
        self._keep(tags={key: value for key, value in self.tags.items() if key not in gone})

    def archive(self) -> None:
        """Hide the experiment from lists; its runs stay, and it may have more."""
        from datetime import datetime, timezone

        self._keep(archived=datetime.now(timezone.utc).isoformat())

    def reactivate(self, new_name: str | None = None) -> None:
        """Show an archived experiment in lists again.

        Raises:
            UserErrorException: `new_name` is given: an experiment keeps its name (v1's rule).
        """
        if new_name is not None:
            raise UserErrorException("an experiment can't be renamed; leave new_name out")
        self._keep(archived=None)

    def refresh(self) -> None:
        """Do nothing: tags are read when they are asked for."""

    def _labels(self) -> dict[str, Any]:
        try:
            found = records.read_json(self._file())
        except FileNotFoundError:
            return {}
        return found if isinstance(found, dict) else {}

    def _keep(self, **changes: Any) -> None:
        os.makedirs(os.path.dirname(self._file()), layout.DIRECTORY_MODE, exist_ok=True)
        records.write_json(self._file(), {**self._labels(), **changes})

    def _file(self) -> str:
        return os.path.join(self.workspace.layout.experiments, self.name, "labels.json")

    def get_portal_url(self) -> str:
        """Return where the experiment's files lie, as a file URL."""
        from pathlib import Path

        return Path(self.workspace.layout.experiments, self.name).as_uri()

    def next_number(self) -> int:
        """Return the next run number of this experiment, each only once, whoever asks at the same time.

        A byte is appended to a counter file; O_APPEND makes the offset behind it unique.
        """
        directory = os.path.join(self.workspace.layout.experiments, self.name)
        os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
        descriptor = os.open(
            os.path.join(directory, "numbers"),
            os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
            layout.FILE_MODE,
        )
        try:
            os.write(descriptor, b"\n")
            return os.lseek(descriptor, 0, os.SEEK_CUR)
        finally:
            os.close(descriptor)


def check_name(name: str) -> None:
    """Refuse an experiment name that v1 refuses. Raises UserErrorException."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UserErrorException(
            f"the experiment name {name!r} can't be used: 1 to 255 letters, digits, - and _ without blanks, "
            "the first a letter or digit"
        )
