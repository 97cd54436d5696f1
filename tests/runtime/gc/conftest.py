from __future__ import annotations

import os
import time

import pytest

from turnout.runtime import gc, layout, manifest
from turnout.runtime.objects import ObjectStore
from turnout.testing.records import make_run, make_workspace


class Home:
    """A home to collect in."""

    def __init__(self, root: str) -> None:
        self.workspace = make_workspace(root)
        self.layout = self.workspace.home
        self.store = ObjectStore(self.layout.objects)
        for directory in (self.layout.objects, self.layout.environments, self.layout.secrets, self.layout.runtime):
            os.makedirs(directory)

    def put(self, *contents: bytes) -> list[str]:
        """Store objects; return their digests."""
        with self.store.incoming() as incoming:
            digests = [incoming.add_bytes(content) for content in contents]
            incoming.commit()
        return digests

    def run(self, run_id: str, *contents: bytes, workspace: layout.WorkspaceLayout | None = None, **definition):
        """Make a run whose snapshot has files with these contents."""
        entries = [
            manifest.Entry(manifest.FILE, digest, len(content), f"file_{digest}")
            for digest, content in zip(self.put(*contents), contents, strict=True)
        ]
        data = manifest.serialise(entries)
        definition.setdefault("snapshot", {"id": manifest.digest(data)})
        return make_run(workspace or self.workspace, run_id, files={"manifest": data}, **definition)

    def environment(self, key: str, whole: bool = True) -> str:
        """Make what a builder leaves."""
        directory = self.layout.environment(key)
        os.makedirs(os.path.join(directory, "bin"))
        with open(os.path.join(directory, "bin", "python"), "wb") as stream:
            stream.write(b"x" * 5000)
        for end in [".json", ".lock"] if whole else [".lock"]:
            with open(directory + end, "w") as stream:
                stream.write("{}")
        return directory

    def collect(self, days: float = 3.0, **options) -> gc.Outcome:
        """Collect as if so many days had passed since everything was made."""
        return gc.collect(self.layout, now=time.time() + days * gc.DAY, **options)

    def objects(self) -> set[str]:
        found = set()
        for prefix in os.listdir(self.layout.objects):
            if len(prefix) == 2:
                found |= {prefix + name for name in os.listdir(os.path.join(self.layout.objects, prefix))}
        return found


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(str(tmp_path / "home"))
