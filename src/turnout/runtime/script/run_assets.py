"""The methods of `Run` for data and models: its inputs and outputs, and models that it leaves."""

import os

from turnout.runtime import inputs
from turnout.runtime.script.base import RunBase
from turnout.runtime.script.exceptions import ModelPathNotFoundException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional, Tuple

_SHOWN = 20


class InputDatasets(dict):  # type: ignore[type-arg]
    """The inputs of a run by name: a dataset where it was passed as it is, the path of its files where it was mounted."""


class OutputDatasets(dict):  # type: ignore[type-arg]
    """The outputs of a run by name: the paths of their directories."""


class RunAssets(RunBase):
    """What a run reads and leaves by name."""

    experiment: "Any"

    @property
    def input_datasets(self) -> "Dict[str, Any]":
        """The run's inputs by name: datasets (`direct`), or paths of their files (`mount`, `download`)."""
        found = InputDatasets()
        for each in inputs.inputs(self._definition()):
            if each["mode"] == inputs.DIRECT:
                found[each["name"]] = self._dataset(each["dataset"])
            elif not each.get("reference"):
                found[each["name"]] = inputs.path(self.layout, each)
        return found

    @property
    def output_datasets(self) -> "Dict[str, str]":
        """The directories of the run's outputs by name."""
        found = OutputDatasets()
        for each in inputs.outputs(self._definition()):
            found[each["name"]] = inputs.output_path(self.layout, each)
        return found

    def get_secret(self, name: str) -> str:
        """Return a secret that the run was handed over, by its name.

        Raises:
            UserErrorException: it was not handed over.
        """
        from turnout.runtime.script.assets import keyvault

        return keyvault.given(name)

    def get_secrets(self, secrets: "List[str]") -> "Dict[str, str]":
        """Return several secrets by their names; see `get_secret`."""
        return {name: self.get_secret(name) for name in secrets}

    def _dataset(self, facts: "Dict[str, Any]") -> "Any":
        from turnout.runtime.script.assets import places
        from turnout.runtime.script.assets.dataset import Dataset
        from turnout.runtime.script.assets.datasets import made

        workspace = self.experiment.workspace
        if facts.get("name"):
            place = places.of(workspace)
            entry = place.entry(places.DATASET, facts["name"], facts.get("version"))
            if entry is not None and entry.get("id") == facts["id"]:
                return made(place.dataset(facts["id"]), place, entry)
        return Dataset.get_by_id(workspace, facts["id"])

    def register_model(
        self,
        model_name: str,
        model_path: "Optional[str]" = None,
        tags: "Optional[Dict[str, str]]" = None,
        properties: "Optional[Dict[str, str]]" = None,
        model_framework: "Optional[str]" = None,
        model_framework_version: "Optional[str]" = None,
        description: "Optional[str]" = None,
        datasets: "Any" = None,
        sample_input_dataset: "Any" = None,
        sample_output_dataset: "Any" = None,
        resource_configuration: "Any" = None,
        **kwargs: "Any",
    ) -> "Any":
        """Register files of the run as the next version of a model, with the run, its snapshot and its inputs as lineage.

        Args:
            model_name: the model's name.
            model_path: a file or folder of the run, such as `outputs/model.pkl`; the model's name by default (v1's rule).
            tags: labels that may change later.
            properties: labels that never change.
            model_framework: what it was made with, such as `Model.Framework.SCIKITLEARN`.
            model_framework_version: that one's version.
            description: text for people.
            datasets: what it was made from: `(scenario, dataset)` pairs; the run's own inputs are noted in any case.
            sample_input_dataset: kept with its id.
            sample_output_dataset: likewise.
            resource_configuration: accepted as in v1.
            **kwargs: likewise.

        Raises:
            ModelPathNotFoundException: the run has no such file.
            UserErrorException: the name can't be used.
        """
        from turnout.runtime.script.assets import models, places

        workspace = self.experiment.workspace
        place = places.of(workspace)
        files = self._model_files(model_path or model_name)
        entry = models.described(
            model_name, tags, properties, description, datasets, model_framework, model_framework_version, place
        )
        kept = entry["datasets"]
        for each in inputs.inputs(self._definition()):
            if each.get("dataset") and not any(one["id"] == each["dataset"]["id"] for one in kept):
                kept.append({"scenario": "training", "id": each["dataset"]["id"]})
        definition = self._definition()
        entry["run"], entry["experiment"] = self.id, definition.get("experiment")
        entry["snapshot"] = (definition.get("snapshot") or {}).get("id")
        entry.update(models.samples(sample_input_dataset, sample_output_dataset, place))
        return models.made(workspace, place.register_model(entry, files))

    def _model_files(self, path: str) -> "List[Tuple[str, str]]":
        wanted = os.path.normpath(path).strip("/")
        names = self.record.artifact_names()
        top = wanted.rpartition("/")[2]
        found = []
        for name in names:
            if name == wanted:
                inside = top
            elif name.startswith(wanted + "/"):
                inside = top + name[len(wanted) :]
            else:
                continue
            source = self.record.artifact_path(name)
            if source is not None:
                found.append((inside, source))
        if not found:
            shown = ", ".join(names[:_SHOWN]) + (" and %d more" % (len(names) - _SHOWN) if len(names) > _SHOWN else "")
            raise ModelPathNotFoundException(
                "Could not locate the provided model_path %s in the set of files uploaded to the run: %s"
                % (path, shown or "none")
            )
        return found
