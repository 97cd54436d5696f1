"""How long gc takes with many runs: `.venv/bin/python bench/gc.py [RUNS]`. Makes a home, collects, removes it."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time

from turnout.runtime import gc, layout, manifest, records
from turnout.runtime.objects import ObjectStore
from turnout.testing.records import make_run, make_workspace

FILES = 200
SNAPSHOTS = 50
UNUSED = 20_000


def main(runs: int) -> None:
    directory = tempfile.mkdtemp(prefix="turnout-bench-")
    try:
        workspace = make_workspace(os.path.join(directory, "home"))
        home = workspace.home
        snapshots = make_snapshots(home)
        lock = {"packages": [{"name": f"package-{number}", "sha256": "0" * 64} for number in range(60)]}
        for number in range(runs):
            snapshot = snapshots[number % len(snapshots)]
            make_run(
                workspace,
                f"bench_{number}_{number:08x}",
                files={"manifest": snapshot},
                mark=False,
                snapshot={"id": manifest.digest(snapshot)},
                environment={"kind": "uv", "key": f"key{number % 20}", "lock": lock},
            )
        os.sync()  # else gc waits for the disk to take what was just made
        for dry, what in ((True, "dry run, cold"), (True, "dry run"), (False, "gc"), (False, "gc, nothing to free")):
            began, busy = time.perf_counter(), time.process_time()
            found = gc.collect(home, older_than=0, dry_run=dry)
            spent, busy = time.perf_counter() - began, time.process_time() - busy
            count = sum(freed.count for freed in found.freed.values())
            print(
                f"{what:24} {runs:,} runs, {count:,} freed: {spent:6.2f} s ({busy:.2f} s of processor time), {found.problems}"
            )
        print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        began = time.perf_counter()
        with gc.gclock.alone(layout.Home(home.root)):
            pass
        print(f"the lock alone: {(time.perf_counter() - began) * 1e3:.2f} ms")
    finally:
        shutil.rmtree(directory)


def make_snapshots(home: layout.Home) -> list[bytes]:
    store = ObjectStore(home.objects)
    made = []
    for snapshot in range(SNAPSHOTS):
        with store.incoming() as incoming:
            entries = []
            for number in range(FILES):
                content = b"%d of %d" % (number, snapshot)
                digest = incoming.add_bytes(content)
                entries.append(manifest.Entry(manifest.FILE, digest, len(content), f"file_{number}.py"))
            incoming.commit()
        made.append(manifest.serialise(entries))
    with store.incoming() as incoming:
        for number in range(UNUSED):
            incoming.add_bytes(b"unused %d" % number)
        incoming.commit()
    records.write_json(home.format, {"format": layout.FORMAT})
    return made


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
