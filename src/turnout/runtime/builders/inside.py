"""Says what the Python that runs it is, and what is installed in it, as one line of JSON.

Its text is given to the interpreter of a script (`python -c`), so it imports nothing but the standard library and works
from Python 3.6 on. It reads the metadata that every installer leaves beside the packages (PEP 376, PEP 610) instead of
asking importlib.metadata, which Python 3.6 and 3.7 lack and which takes many times as long.
"""

import json
import os
import sys
from collections import OrderedDict

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, Iterator, List


def distributions(paths: "Iterable[str]") -> "List[Dict[str, str]]":
    """Return name, version and (when installed from a URL) url of each distribution found on `paths`, sorted by name.

    Of two with one name the first on the path counts, as for an import.
    """
    found: "Dict[str, Dict[str, str]]" = {}
    for directory in paths:
        for metadata in metadata_files(directory or os.curdir):
            entry = read_entry(metadata)
            key = entry["name"].replace("_", "-").replace(".", "-").lower()
            if key:
                found.setdefault(key, entry)
    return [found[key] for key in sorted(found)]


def metadata_files(directory: str) -> "List[str]":
    """Return the metadata files of the distributions in one directory of `sys.path`."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []  # an archive, or a path that isn't there
    files = []
    for name in names:
        path = os.path.join(directory, name)
        if name.endswith(".dist-info"):
            files.append(os.path.join(path, "METADATA"))
        elif name.endswith(".egg-info"):
            files.append(os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path)
        elif name == "EGG-INFO":
            files.append(os.path.join(path, "PKG-INFO"))
    return [path for path in files if os.path.isfile(path)]


def read_entry(path: str) -> "Dict[str, str]":
    """Return name, version and url from one metadata file."""
    entry = {"name": "", "version": ""}
    with open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            if not line.strip():
                break  # the headers end here
            label, _, value = line.partition(":")
            if label.lower() in entry and not entry[label.lower()]:
                entry[label.lower()] = value.strip()
    url = installed_from(os.path.join(os.path.dirname(path), "direct_url.json"))
    if url:
        entry["url"] = url
    return entry


def installed_from(path: str) -> str:
    """Return the URL of a distribution that did not come from an index, with its commit, without credentials."""
    try:
        with open(path, encoding="utf-8") as stream:
            origin = json.load(stream)
        scheme, _, rest = origin["url"].partition("://")
        host, slash, tail = rest.partition("/")
        url = str(scheme + "://" + host.rpartition("@")[2] + slash + tail)
        commit = origin.get("vcs_info", {}).get("commit_id")
        return "%s@%s" % (url, commit) if commit else url
    except (OSError, ValueError, KeyError, AttributeError):
        return ""


def search_path() -> "List[str]":
    """Return the directories in which packages are looked for, also those that would be if they were there."""
    site = sys.modules.get("site")  # type: Any
    found = list(sys.path)
    if hasattr(site, "getsitepackages"):
        found += site.getsitepackages()
    if getattr(site, "ENABLE_USER_SITE", False):
        found.append(site.getusersitepackages())
    for directory in list(found):
        found += named_directories(directory or os.curdir)
    return list(OrderedDict.fromkeys(map(os.path.abspath, found)))


def named_directories(directory: str) -> "Iterator[str]":
    """Yield the directories that the .pth files of one directory of `sys.path` add to it."""
    try:
        names = [name for name in os.listdir(directory) if name.endswith(".pth")]
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as stream:
                lines = stream.read().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.strip() and not line.startswith(("#", "import ", "import\t")):
                yield os.path.join(directory, line.rstrip())


def facts() -> "Dict[str, Any]":
    """Return all that is known of this interpreter."""
    system = os.uname()
    return {
        "python": {
            "version": ".".join(str(number) for number in sys.version_info[:3]),
            "implementation": sys.implementation.name,
            "build": sys.version.replace("\n", " "),
            "executable": sys.executable,
            "prefix": sys.prefix,
            "base_prefix": sys.base_prefix,
            "platform": system[0].lower() + "-" + system[4],
        },
        "packages": distributions(sys.path),
        "path": search_path(),
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(facts()) + "\n")
