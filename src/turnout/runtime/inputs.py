"""What a run reads by name and where its script finds it, and the directories that it leaves as datasets. Compiles for Python 3.6.

run.json says it (`inputs`, `outputs`), data.manifest has the files with their digests as `inputs/NAME/…` and, for a run elsewhere,
`stores/DATASTORE/…` and `models/NAME/VERSION/…`. The supervisor places them below `data/` before the script starts: copies of
objects where they travelled, links or copies of the datastores' files where those are on this machine.
"""

import os

from turnout.runtime import layout, manifest

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Mapping

    from turnout.runtime.objects import ObjectStore

DIRECT, MOUNT, DOWNLOAD, UPLOAD = "direct", "mount", "download", "upload"
PLACED = "inputs"
"""`data/inputs/NAME/`: the files of one input."""
OUTPUTS = "datasets"
"""`artifacts/datasets/NAME/`: what the script writes to an output."""

_PREFIX = "AZUREML_DATAREFERENCE_"


class PlacingFailed(Exception):
    """An input can't be placed; the message is one line."""


def inputs(definition: "Mapping[str, Any]") -> "List[Dict[str, Any]]":
    """Return what run.json says of the inputs.

    Each has `name`, `mode`, and `dataset` (id, name, version) or `reference` (a path of a datastore). `folder` is where its files
    lie on this machine, when they may be used there as they are; `sources` where each of them does, when they have to be placed,
    as (beginning of the name, directory). `leaf` is the one file that it is, `path_on_compute` where the script wants it.
    """
    return list(definition.get("inputs") or [])


def outputs(definition: "Mapping[str, Any]") -> "List[Dict[str, Any]]":
    """Return what run.json says of the outputs: `name`, `datastore`, `path`, and `source`, where the script writes."""
    return list(definition.get("outputs") or [])


def path(run: "layout.RunLayout", each: "Mapping[str, Any]") -> str:
    """Return the path at which a script finds an input that is mounted or downloaded."""
    top = each.get("folder") or os.path.join(run.data, PLACED, str(each["name"]))
    wanted = each.get("path_on_compute")
    if wanted:
        return os.path.join(run.code, str(wanted))
    return os.path.join(str(top), str(each["leaf"])) if each.get("leaf") else str(top)


def output_path(run: "layout.RunLayout", each: "Mapping[str, Any]") -> str:
    """Return the directory that a script writes an output to."""
    if each.get("source"):
        return os.path.join(run.code, str(each["source"]))
    return os.path.join(run.artifacts, OUTPUTS, str(each["name"]))


def words(definition: "Mapping[str, Any]", run: "layout.RunLayout") -> "Dict[str, str]":
    """Return what stands in arguments for inputs and outputs → what the script gets in their place."""
    found = {}
    for each in inputs(definition):
        if each.get("reference"):
            found["$%s%s" % (_PREFIX, each["name"])] = path(run, each)
        else:
            found["DatasetConsumptionConfig:%s" % each["name"]] = (
                str(each["dataset"]["id"]) if each["mode"] == DIRECT else path(run, each)
            )
    for each in outputs(definition):
        name = "$%s%s" % (_PREFIX, each["name"]) if each.get("reference") else "DatasetOutputConfig:%s" % each["name"]
        found[name] = output_path(run, each)
    return found


def variables(definition: "Mapping[str, Any]", run: "layout.RunLayout") -> "Dict[str, str]":
    """Return the variables of the script that name its inputs and outputs (v1's)."""
    found = {}
    modes = []
    for each in inputs(definition):
        if each.get("reference"):
            found[_PREFIX + str(each["name"])] = path(run, each)
            continue
        modes.append("%s:%s" % (each["name"], each["mode"]))
        found[str(each["name"])] = str(each["dataset"]["id"]) if each["mode"] == DIRECT else path(run, each)
    for each in outputs(definition):
        prefix = _PREFIX if each.get("reference") else ""
        found[prefix + str(each["name"])] = output_path(run, each)
    if modes:
        found["AZUREML_DATASET_ENVIRONMENT_VARS"] = ",".join(modes)
    named = [str(each["name"]) for each in outputs(definition) if not each.get("reference")]
    if named:
        found["AZUREML_DATASET_FILE_OUTPUTS"] = ";".join(named)
    return found


def replaced(arguments: "List[str]", known: "Mapping[str, str]") -> "List[str]":
    """Return arguments with what stands for inputs and outputs replaced, also within a longer word."""
    found = []
    for word in arguments:
        for name in sorted(known, key=len, reverse=True):
            word = word.replace(name, known[name])
        found.append(word)
    return found


def place(run: "layout.RunLayout", definition: "Mapping[str, Any]", store: "ObjectStore") -> None:
    """Make a run's inputs and outputs ready for its script. Once more does no harm.

    Raises:
        PlacingFailed: a file is gone, or a path is taken.
        checkout.CheckoutError: an object is missing or damaged.
        OSError: the record can't be written.
    """
    for each in outputs(definition):
        os.makedirs(output_path(run, each), layout.DIRECTORY_MODE, exist_ok=True)
    entries: "List[manifest.Entry]" = []
    try:
        with open(run.data_manifest, "rb") as stream:
            entries = manifest.parse(stream.read())
    except FileNotFoundError:
        pass  # none of them has files
    if entries and (definition.get("data") or {}).get("travels"):
        from turnout.runtime import checkout

        checkout.checkout(entries, store, run.data, run.data_checkout)
    else:
        _place_here(run, definition, entries)
    for each in inputs(definition):
        if each["mode"] == DIRECT:
            continue
        if not each.get("folder"):  # a directory without a file is one, too
            os.makedirs(os.path.join(run.data, PLACED, str(each["name"])), layout.DIRECTORY_MODE, exist_ok=True)
        if each.get("path_on_compute"):
            _show(run, each)


def _place_here(run: "layout.RunLayout", definition: "Mapping[str, Any]", entries: "List[manifest.Entry]") -> None:
    """Link, or for a download copy, the files of datastores that are on this machine."""
    placed = {str(each["name"]): each for each in inputs(definition) if each.get("sources")}
    again = os.path.exists(run.data)  # whoever began this was killed
    made = set()  # directories
    for entry in entries:
        top, name, inside = (entry.path + "//").split("/", 2)
        each = placed.get(name) if top == PLACED else None
        if each is None:
            continue
        inside = inside.rstrip("/")
        source = _source(each, inside)
        target = os.path.join(run.data, PLACED, name, inside)
        if again and os.path.lexists(target):
            continue
        directory = os.path.dirname(target)
        if directory not in made:
            os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
            made.add(directory)
        if not os.path.isfile(source):
            raise PlacingFailed("the input %s: %s is gone since the run was submitted" % (name, source))
        if each["mode"] == DOWNLOAD:
            _copy(source, target)
        else:
            os.symlink(source, target)


def _source(each: "Mapping[str, Any]", inside: str) -> str:
    for beginning, directory in each["sources"]:
        if inside.startswith(beginning):
            return os.path.join(directory, inside[len(beginning) :])
    raise PlacingFailed("the input %s has a file of unknown origin: %s" % (each["name"], inside))


def _show(run: "layout.RunLayout", each: "Mapping[str, Any]") -> None:
    """Make an input seen at the path that its script wants: a link."""
    wanted = os.path.join(run.code, str(each["path_on_compute"]))
    target = path(run, {key: value for key, value in each.items() if key != "path_on_compute"})
    if os.path.islink(wanted):
        if os.readlink(wanted) == target:
            return
        if not os.path.exists(wanted):
            os.unlink(wanted)  # another run's, that has ended
    os.makedirs(os.path.dirname(wanted), layout.DIRECTORY_MODE, exist_ok=True)
    try:
        os.symlink(target, wanted)
    except FileExistsError:
        raise PlacingFailed("the input %s is wanted at %s, and something is there" % (each["name"], wanted)) from None


def collect(run: "layout.RunLayout", definition: "Mapping[str, Any]") -> None:
    """Keep what the script wrote to outputs in its working directory, and remove what was placed for it.

    Raises:
        OSError: the record can't be written.
    """
    for each in outputs(definition):
        source = output_path(run, each)
        if each.get("source") and os.path.isdir(source):
            kept = os.path.join(run.artifacts, OUTPUTS, str(each["name"]))
            for directory, _, names in os.walk(source):
                for name in names:
                    file = os.path.join(directory, name)
                    target = os.path.join(kept, os.path.relpath(file, source))
                    if os.path.isfile(file) and not os.path.exists(target):
                        os.makedirs(os.path.dirname(target), layout.DIRECTORY_MODE, exist_ok=True)
                        _copy(file, target)
    for each in inputs(definition):
        if each.get("path_on_compute"):
            wanted = os.path.join(run.code, str(each["path_on_compute"]))
            if os.path.islink(wanted):
                os.unlink(wanted)
    if os.path.lexists(run.data):
        import shutil  # a script that only asks for its inputs doesn't pay for it

        shutil.rmtree(run.data, ignore_errors=True)


def _copy(source: str, target: str) -> None:
    """Copy a file whole or not at all; what was left by someone who died on the way is replaced."""
    import shutil

    temporary = target + ".turnout-part"
    shutil.copyfile(source, temporary)
    os.rename(temporary, target)
