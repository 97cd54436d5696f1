"""The methods of `Run` that keep files in the record and copy them out."""

import os

from turnout.runtime import events
from turnout.runtime.record import artifact_prefix
from turnout.runtime.script import artifacts
from turnout.runtime.script.base import RunBase
from turnout.runtime.script.exceptions import NotYetException, UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional

_SHOWN = 20


class Files(RunBase):
    """Keeps and fetches files. Each is copied at once: v1's timeouts and batch sizes are accepted and mean nothing."""

    def upload_file(self, name: str, path_or_stream: "Any", datastore_name: "Optional[str]" = None) -> "Dict[str, str]":
        """Keep a file in the record.

        Args:
            name: what it is called there: a relative path.
            path_or_stream: a path, or a stream opened for reading.
            datastore_name: must be None: files are kept in the record.

        Returns:
            The artifact's name and the reference to it, as `{name: "aml://…"}`.

        Raises:
            UserErrorException: there is no such file, the name leads out of the record, or the run has a different
                file of that name ("Resource Conflict"). The same content again is no error.
            RecordException: the record can't be written.
        """
        _no_datastore("upload_file", datastore_name)
        return self._references([self._keep(name, path_or_stream)])

    def upload_files(
        self,
        names: "List[str]",
        paths: "List[str]",
        return_artifacts: bool = False,
        timeout_seconds: "Optional[int]" = None,
        datastore_name: "Optional[str]" = None,
    ) -> "Optional[Dict[str, str]]":
        """Keep several files; `names` and `paths` go in pairs.

        Args:
            names: what they are called in the record.
            paths: the files.
            return_artifacts: return the references, as `upload_file` does.
            timeout_seconds: accepted as in v1.
            datastore_name: must be None.

        Raises:
            TypeError: the lists differ in length (v1's rule).
        """
        _no_datastore("upload_files", datastore_name)
        if len(names) != len(paths):
            raise TypeError("upload_files: %d names for %d paths" % (len(names), len(paths)))
        kept = [self._keep(name, path) for name, path in zip(names, paths)]
        return self._references(kept) if return_artifacts else None

    def upload_folder(self, name: str, path: str, datastore_name: "Optional[str]" = None) -> "Dict[str, str]":
        """Keep all files below a folder; their names are `name` and the path relative to the folder.

        Args:
            name: what the folder is called in the record.
            path: the folder.
            datastore_name: must be None.
        """
        _no_datastore("upload_folder", datastore_name)
        return self._references([self._keep(file, source) for file, source in artifacts.files_below(name, path)])

    def get_file_names(self) -> "List[str]":
        """Return the names of all files of the run, sorted: outputs, logs, and what was uploaded."""
        self._definition()
        return self.record.artifact_names()

    def download_file(
        self, name: str, output_file_path: "Optional[str]" = None, _validate_checksum: bool = False
    ) -> None:
        """Copy a file of the run out.

        Args:
            name: one of `get_file_names`.
            output_file_path: a file; or a directory, which gets the file under its own name. By default the working
                directory.
            _validate_checksum: accepted as in v1; the copy is made from the record itself.

        Raises:
            UserErrorException: the run has no such file, or it can't be written there.
        """
        self._definition()
        source = self.record.artifact_path(name)
        if source is None:
            available = self.get_file_names()
            shown = ", ".join(available[:_SHOWN]) or "none"
            more = " and %d more" % (len(available) - _SHOWN) if len(available) > _SHOWN else ""
            raise UserErrorException(
                "File with path %s was not found, available files include: %s%s." % (name, shown, more)
            )
        target = os.fspath(output_file_path) if output_file_path else os.curdir
        if os.path.isdir(target) or target.endswith(os.sep):
            target = os.path.join(target, os.path.basename(name))
        artifacts.copy_out(source, target)

    def download_files(
        self,
        prefix: "Optional[str]" = None,
        output_directory: "Optional[str]" = None,
        output_paths: "Optional[List[str]]" = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: "Optional[int]" = None,
    ) -> None:
        """Copy out all files of the run whose names begin with `prefix`.

        Args:
            prefix: of the names; all files by default.
            output_directory: where to; the working directory by default.
            output_paths: a path for each file instead, in the order of `get_file_names`.
            batch_size: accepted as in v1.
            append_prefix: whether the prefix stays a part of the paths below the directory.
            timeout_seconds: accepted as in v1.

        Raises:
            UserErrorException: `output_paths` is not as long as the list of files, or a file can't be written.
        """
        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        if output_paths is not None and len(output_paths) != len(names):
            raise UserErrorException(
                "download_files: %d output_paths for %d files that begin with %r"
                % (len(output_paths), len(names), prefix or "")
            )
        for position, name in enumerate(names):
            relative = name
            if prefix and not append_prefix:
                relative = name[len(prefix) :].lstrip("/") or os.path.basename(name)
            path = output_paths[position] if output_paths else os.path.join(output_directory or os.curdir, relative)
            self.download_file(name, path)

    def _keep(self, name: str, source: "Any", replace: bool = False) -> str:
        """Keep one file, report it, and return the artifact's name."""
        artifact = artifacts.artifact_name(name)
        if not self._prepare():
            return artifact
        source = os.fspath(source) if hasattr(source, "__fspath__") else source
        existing = self.record.artifact_path(artifact)
        if existing is not None and _is_same_file(existing, source):
            existing = None  # a script that uploads its own outputs/x under that name
        size = artifacts.keep(self.layout, artifact, source, existing, replace)
        self._event(events.ARTIFACT, name=artifact, size=size)
        return artifact

    def _prepare(self) -> bool:
        """See to it that the record is there; return False when a run does without one (some offline runs)."""
        self._definition()
        return True

    def _references(self, names: "List[str]") -> "Dict[str, str]":
        prefix = artifact_prefix(self.id)
        return {name: prefix + name for name in names}


def _is_same_file(path: str, source: "Any") -> bool:
    return isinstance(source, str) and os.path.exists(source) and os.path.samefile(path, source)


def _no_datastore(call: str, name: "Optional[str]") -> None:
    if name is not None:
        raise NotYetException(
            "run.%s(datastore_name=%r): files are kept in the run's record so far; leave datastore_name out"
            % (call, name)
        )
