"""`Model`: files under a name, with versions, and what made them: the run, its snapshot and its data."""

import os
import shutil

from turnout.runtime import layout
from turnout.runtime.script.assets import names, places, storages
from turnout.runtime.script.exceptions import ModelNotFoundException, UserErrorException
from turnout.runtime.script.refusals import refuse

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

CACHE = "azureml-models"
"""Where `get_model_path` puts models below the working directory (v1's rule)."""
_SERVING = (
    "serving models is not what Turnout is for; load the model's file in a service of your own (FastAPI, BentoML)"
)


class Framework:
    """Names of frameworks that models come from; v1's words."""

    CUSTOM = "Custom"
    KERAS = "Keras"
    ONNX = "Onnx"
    PYTORCH = "PyTorch"
    SCIKITLEARN = "ScikitLearn"
    TENSORFLOW = "TensorFlow"
    TFKERAS = "TfKeras"
    SINGLE = (CUSTOM, KERAS, ONNX, PYTORCH, SCIKITLEARN, TENSORFLOW, TFKERAS)


class Model:
    """A registered model.

    Args:
        workspace: where it is registered.
        name: its name; the latest version unless one is named.
        id: `NAME:VERSION`, instead of a name.
        tags: take the latest version that has these tags.
        properties: likewise.
        version: which version, from 1.
        run_id: take the latest version that this run registered.
        model_framework: take the latest version of this framework.
        expand: accepted as in v1.
        **kwargs: accepted as in v1.

    Raises:
        ModelNotFoundException: there is no such model; v1's `WebserviceException`.
    """

    Framework = Framework

    def __init__(
        self,
        workspace: "Any",
        name: "Optional[str]" = None,
        id: "Optional[str]" = None,  # noqa: A002 - v1's name
        tags: "Any" = None,
        properties: "Any" = None,
        version: "Optional[int]" = None,
        run_id: "Optional[str]" = None,
        model_framework: "Optional[str]" = None,
        expand: bool = True,
        **kwargs: "Any",
    ) -> None:
        if id is not None:
            name, _, version = id.rpartition(":")  # type: ignore[assignment]
        if not name:
            raise UserErrorException("a Model needs a name, or an id such as NAME:1")
        number = None if version is None else names.checked_version("model", version)
        self.workspace = workspace
        self._place = places.of(workspace)
        wanted = [
            entry
            for entry in self._place.entries(places.MODEL, name)
            if (number is None or entry["version"] == number)
            and _fits(entry, tags, properties, run_id, model_framework)
        ]
        if not wanted:
            raise ModelNotFoundException(_unknown(self._place, name, version))
        self._take(wanted[0])

    def _take(self, entry: "Mapping[str, Any]") -> None:
        self._entry: "Dict[str, Any]" = dict(entry)
        self.name = str(entry["name"])
        self.version = int(entry["version"])
        self.id = "%s:%d" % (self.name, self.version)
        self.description = entry.get("description")
        self.tags: "Dict[str, Any]" = dict(entry.get("tags") or {})
        self.properties: "Dict[str, Any]" = dict(entry.get("properties") or {})
        self.model_framework = entry.get("framework")
        self.model_framework_version = entry.get("framework_version")
        self.run_id = entry.get("run")
        self.experiment_name = entry.get("experiment")
        self.snapshot_id = entry.get("snapshot")
        self.created_by = entry.get("created_by")
        self.created_time = places.utc(float(entry.get("created") or 0.0))

    def __repr__(self) -> str:
        return "Model(workspace=%r, name=%s, id=%s, version=%d, tags=%r, properties=%r)" % (
            self.workspace,
            self.name,
            self.id,
            self.version,
            self.tags,
            self.properties,
        )

    @property
    def url(self) -> str:
        """Where its files are, as a URL."""
        return "file://%s" % self._place.model_files(self._entry)

    @property
    def datasets(self) -> "Dict[str, List[Any]]":
        """The datasets that it was registered with, by what they were used for."""
        from turnout.runtime.script.assets.dataset import Dataset

        found: "Dict[str, List[Any]]" = {}
        for each in self._entry.get("datasets") or []:
            found.setdefault(each["scenario"], []).append(Dataset.get_by_id(self.workspace, each["id"]))
        return found

    @property
    def run(self) -> "Any":
        """The run that registered it; None for a model that no run did."""
        return self.workspace.get_run(self.run_id) if self.run_id else None

    @staticmethod
    def register(
        workspace: "Any",
        model_path: str,
        model_name: str,
        tags: "Optional[Dict[str, str]]" = None,
        properties: "Optional[Dict[str, str]]" = None,
        description: "Optional[str]" = None,
        datasets: "Any" = None,
        model_framework: "Optional[str]" = None,
        model_framework_version: "Optional[str]" = None,
        child_paths: "Optional[List[str]]" = None,
        sample_input_dataset: "Any" = None,
        sample_output_dataset: "Any" = None,
        resource_configuration: "Any" = None,
    ) -> "Model":
        """Register a file or a folder of this machine as the next version of a model.

        Args:
            workspace: where.
            model_path: the file or folder.
            model_name: the model's name.
            tags: labels that may change later.
            properties: labels that never change.
            description: text for people.
            datasets: what it was made from: `(scenario, dataset)` pairs.
            model_framework: what it was made with, such as `Model.Framework.SCIKITLEARN`.
            model_framework_version: that one's version.
            child_paths: of a folder, only these.
            sample_input_dataset: kept with its id.
            sample_output_dataset: likewise.
            resource_configuration: accepted as in v1.

        Raises:
            UserErrorException: there is no such file, or the name can't be used.
        """
        place = places.of(workspace)
        entry = described(
            model_name, tags, properties, description, datasets, model_framework, model_framework_version, place
        )
        entry.update(samples(sample_input_dataset, sample_output_dataset, place))
        _say("Registering model %s" % model_name)
        return made(workspace, place.register_model(entry, files_of(model_path, child_paths)))

    @staticmethod
    def list(
        workspace: "Any",
        name: "Optional[str]" = None,
        tags: "Any" = None,
        properties: "Any" = None,
        run_id: "Optional[str]" = None,
        latest: bool = False,
        dataset_id: "Optional[str]" = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: "Optional[str]" = None,
    ) -> "Any":
        """Return models, the latest registered first.

        Args:
            workspace: where they are registered.
            name: only of this name.
            tags: only with these: `key`, `[key, [key, value]]` or a dict.
            properties: likewise.
            run_id: only those that this run registered.
            latest: only the latest version of each name.
            dataset_id: only those that were registered with this dataset.
            expand: accepted as in v1.
            page_count: likewise.
            model_framework: only of this framework.
        """
        place = places.of(workspace)
        found = []
        for each in [name] if name else place.registered(places.MODEL):
            entries = place.entries(places.MODEL, each)
            found += entries[:1] if latest else entries
        wanted = [
            entry
            for entry in found
            if _fits(entry, tags, properties, run_id, model_framework)
            and (dataset_id is None or any(each["id"] == dataset_id for each in entry.get("datasets") or []))
        ]
        wanted.sort(key=lambda entry: -float(entry.get("created") or 0.0))
        return [made(workspace, entry) for entry in wanted]

    @staticmethod
    def get_model_path(model_name: str, version: "Optional[int]" = None, _workspace: "Any" = None) -> str:
        """Return the path of a model's file or folder on this machine; needed files are copied to `azureml-models/` (v1's rule).

        Args:
            model_name: the model's name; or the path of a file or folder that is there.
            version: which version; the latest by default.
            _workspace: where it is registered; in a run its workspace, else that of the working directory by default.

        Raises:
            ModelNotFoundException: there is no such model.
        """
        there = _cached(model_name, version)
        if _workspace is None and there is not None and not os.environ.get(layout.RUN_DIRECTORY_VARIABLE):
            return there
        workspace = _workspace or _workspace_here()
        try:
            model = Model(workspace, model_name, version=version)
        except ModelNotFoundException:
            if there is None:
                raise
            return there
        return model._copy_to(os.path.join(CACHE, model.name, str(model.version)))

    def download(self, target_dir: str = ".", exist_ok: bool = False, exists_ok: "Optional[bool]" = None) -> str:
        """Copy the model's file or folder to a directory, and return its path.

        Args:
            target_dir: the directory.
            exist_ok: replace what is there.
            exists_ok: the earlier name of `exist_ok`.

        Raises:
            UserErrorException: it is there already and may not be replaced.
        """
        target = os.path.join(target_dir, self._top())  # always below target_dir: it may be removed
        if os.path.lexists(target) and not (exist_ok or exists_ok):
            raise UserErrorException("%s is there already; pass exist_ok=True to replace it" % target)
        if os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        return self._copy_to(target_dir)

    def delete(self) -> None:
        """Remove this version; its number is not given again."""
        self._place.delete(places.MODEL, self.name, self.version)

    def add_tags(self, tags: "Dict[str, Any]") -> None:
        """Give the model further tags."""
        self._change(lambda entry: {"tags": dict(entry.get("tags") or {}, **_labels(tags))})

    def remove_tags(self, tags: "Any") -> None:
        """Take tags from the model, by their names."""
        gone = [tags] if isinstance(tags, str) else list(tags)
        self._change(
            lambda entry: {"tags": {key: value for key, value in (entry.get("tags") or {}).items() if key not in gone}}
        )

    def add_properties(self, properties: "Dict[str, Any]") -> None:
        """Give the model further properties. Raises UserErrorException for one that it has: they never change."""

        def alter(entry: "Dict[str, Any]") -> "Dict[str, Any]":
            known = entry.get("properties") or {}
            taken = sorted(set(properties) & set(known))
            if taken:
                raise UserErrorException(
                    "the model %s has the property %s already, and properties never change" % (self.id, taken[0])
                )
            return {"properties": dict(known, **_labels(properties))}

        self._change(alter)

    def update(
        self,
        tags: "Optional[Dict[str, Any]]" = None,
        description: "Optional[str]" = None,
        sample_input_dataset: "Any" = None,
        sample_output_dataset: "Any" = None,
        resource_configuration: "Any" = None,
    ) -> None:
        """Give the model other tags, another description or samples."""
        changes: "Dict[str, Any]" = samples(sample_input_dataset, sample_output_dataset, self._place)
        if tags is not None:
            changes["tags"] = _labels(tags)
        if description is not None:
            changes["description"] = description
        self._change(lambda entry: changes)

    def update_tags_properties(
        self, add_tags: "Any" = None, remove_tags: "Any" = None, add_properties: "Any" = None
    ) -> None:
        """Change tags and properties; see `add_tags`, `remove_tags` and `add_properties`."""
        if add_properties:
            self.add_properties(add_properties)
        if add_tags:
            self.add_tags(add_tags)
        if remove_tags:
            self.remove_tags(remove_tags)

    def add_dataset_references(self, datasets: "Any") -> None:
        """Note further datasets that the model was made from: `(scenario, dataset)` pairs."""
        further = _references(datasets, self._place)

        def alter(entry: "Dict[str, Any]") -> "Dict[str, Any]":
            kept = list(entry.get("datasets") or [])
            return {"datasets": kept + [each for each in further if each not in kept]}

        self._change(alter)

    def serialize(self) -> "Dict[str, Any]":
        """Return what is known of the model, under v1's keys."""
        return {
            "createdTime": self.created_time.isoformat(),
            "createdBy": self.created_by,
            "description": self.description,
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "tags": self.tags,
            "properties": self.properties,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "experimentName": self.experiment_name,
            "runId": self.run_id,
            "snapshotId": self.snapshot_id,
            "url": self.url,
        }

    def get_sas_urls(self) -> "Dict[str, str]":
        """Return where each of its files is, as URLs by path."""
        return {path: "%s/%s" % (self.url, path) for path, _ in self._files()}

    def _change(self, alter: "Any") -> None:
        self._take(self._place.change(places.MODEL, self.name, self.version, alter))

    def _files(self) -> "List[Tuple[str, str]]":
        folder = self._place.model_files(self._entry)
        return [(each[0], os.path.join(folder, each[0])) for each in self._entry.get("files") or []] or [
            (item.path, os.path.join(folder, item.path)) for item in storages.Folder(folder).files("")
        ]

    def _top(self) -> str:
        """Return the name of the model's file or folder. Raises UserErrorException when its files are gone."""
        tops = sorted({path.split("/", 1)[0] for path, _ in self._files()})
        if not tops:
            raise UserErrorException("the files of the model %s are gone from %s" % (self.id, self.url))
        return tops[0]

    def _copy_to(self, directory: str) -> str:
        for path, source in self._files():
            storages.Folder(os.path.dirname(source)).get(os.path.basename(source), os.path.join(directory, path))
        return os.path.join(directory, self._top())


REFUSED = dict.fromkeys(("deploy", "package", "profile", "print_configuration"), _SERVING)
"""Methods of v1's Model that are not there → what to use instead."""
refuse(Model, REFUSED)


def described(
    name: str,
    tags: "Any",
    properties: "Any",
    description: "Optional[str]",
    datasets: "Any",
    framework: "Optional[str]",
    framework_version: "Optional[str]",
    place: "Any",
) -> "Dict[str, Any]":
    """Return what is kept of a model that is about to be registered; its datasets are kept in the place."""
    return {
        "name": names.checked("model", name),
        "tags": _labels(tags),
        "properties": _labels(properties),
        "description": description,
        "datasets": _references(datasets, place),
        "framework": framework,
        "framework_version": framework_version,
    }


def files_of(path: str, child_paths: "Optional[List[str]]" = None) -> "List[Tuple[str, str]]":
    """Return the files of a model as (path in the model, path here): one file, or those below a folder with its name.

    Raises:
        UserErrorException: there is none.
    """
    text = os.path.normpath(os.fspath(path))
    if os.path.isfile(text):
        return [(os.path.basename(text), text)]
    if not os.path.isdir(text):
        raise UserErrorException(
            "Error, provided model path %s cannot be found, please check the path and try again" % path
        )
    top = os.path.basename(os.path.abspath(text))
    found = []
    for item in storages.Folder(text).files(""):
        if not child_paths or any(
            item.path == each or item.path.startswith(each.rstrip("/") + "/") for each in child_paths
        ):
            found.append(("%s/%s" % (top, item.path), os.path.join(text, item.path)))
    if not found:
        raise UserErrorException("the folder %s has no file for a model" % path)
    return found


def _references(datasets: "Any", place: "Any") -> "List[Dict[str, str]]":
    found = []
    for scenario, dataset in datasets or []:
        for each in dataset if isinstance(dataset, list) else [dataset]:
            found.append({"scenario": str(scenario), "id": place.keep_dataset(each._definition)})
    return found


def _labels(given: "Optional[Mapping[Any, Any]]") -> "Dict[str, str]":
    return {str(key): str(value) for key, value in (given or {}).items()}


def samples(inputs: "Any", outputs: "Any", place: "Any") -> "Dict[str, Any]":
    """Return what is kept of a model's samples; they are kept in the place."""
    return {
        key: place.keep_dataset(dataset._definition)
        for key, dataset in (("sample_input_dataset", inputs), ("sample_output_dataset", outputs))
        if dataset is not None
    }


def _fits(
    entry: "Mapping[str, Any]", tags: "Any", properties: "Any", run_id: "Optional[str]", framework: "Optional[str]"
) -> bool:
    return (
        _has(entry.get("tags") or {}, tags)
        and _has(entry.get("properties") or {}, properties)
        and (run_id is None or entry.get("run") == run_id)
        and (framework is None or entry.get("framework") == framework)
    )


def _has(labels: "Mapping[str, Any]", wanted: "Any") -> bool:
    """Say whether labels fit: a name, a dict, or a list of names and [name, value] (v1's forms)."""
    if not wanted:
        return True
    if isinstance(wanted, str):
        return wanted in labels
    if isinstance(wanted, dict):
        return all(labels.get(key) == str(value) for key, value in wanted.items())
    return all(each in labels if isinstance(each, str) else labels.get(each[0]) == str(each[1]) for each in wanted)


def made(workspace: "Any", entry: "Mapping[str, Any]") -> Model:
    """Return the model of an entry that is registered."""
    model = Model.__new__(Model)
    model.workspace = workspace
    model._place = places.of(workspace)
    model._take(entry)
    return model


def _unknown(place: "Any", name: str, version: "Optional[int]") -> str:
    there = place.entry(places.MODEL, name)
    if there is not None:
        return "ModelNotFound: the model %s has no such version (%s); its latest is %s" % (
            name,
            version,
            there["version"],
        )
    return "ModelNotFound: Model with name %s not found in provided workspace, which has: %s" % (
        name,
        ", ".join(place.registered(places.MODEL)) or "none",
    )


def _cached(name: str, version: "Optional[int]") -> "Optional[str]":
    """Return a model that is on this disk: a path as it is, or below `azureml-models/` (v1's rule)."""
    if os.path.exists(name):
        return name
    folder = os.path.join(CACHE, name)
    if not os.path.isdir(folder):
        return None
    there = sorted(int(each) for each in os.listdir(folder) if each.isdigit())
    number = version if version is not None else (there[-1] if there else None)
    below = os.path.join(folder, str(number))
    if number is None or not os.path.isdir(below):
        return None
    tops = sorted(os.listdir(below))
    return os.path.join(below, tops[0]) if len(tops) == 1 else below


def _workspace_here() -> "Any":
    if os.environ.get(layout.RUN_DIRECTORY_VARIABLE):
        from turnout.runtime.script.run import Run

        return Run.get_context().experiment.workspace
    from importlib import import_module

    try:
        workspace = import_module("turnout.workspace").Workspace
    except ImportError:
        raise ModelNotFoundException("outside of a run a workspace is needed: pass _workspace") from None
    return workspace.from_config()


def _say(line: str) -> None:
    import sys

    sys.stdout.write(line + "\n")
