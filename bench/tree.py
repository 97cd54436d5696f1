"""What a big source tree adds to a whole submit: 20,000 files unchanged, one changed in place, one renamed over.

    .venv/bin/python bench/tree.py [--files N] [--runs N]

The command is `turnout submit --dry-run`, which does all of a submit but write the run, so that no copy of the tree is timed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TURNOUT = str(Path(sys.executable).with_name("turnout"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=20_000)
    options.add_argument("--runs", type=int, default=7)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["TURNOUT_HOME"] = f"{work}/home"
        small, big = Path(work, "small"), Path(work, "big")
        for project, files in ((small, 1), (big, chosen.files)):
            for number in range(files):
                path = project / f"d{number % 200}" / f"f{number}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{number}\n")
            (project / "train.py").write_text("print(1)\n")
            subprocess.run(
                "git init -q && git add -A && git -c user.name=b -c user.email=b@b commit -qm b",
                shell=True,
                cwd=project,
                check=True,
            )
        time.sleep(2.1)  # files younger than two seconds are not trusted by any stat cache

        def submit(project: Path) -> float:
            began = time.perf_counter()
            words = [TURNOUT, "submit", "--dry-run", "--environment", "/usr/bin/python3", "train.py"]
            subprocess.run(words, cwd=project, env=environment, check=True, capture_output=True)
            return time.perf_counter() - began

        changed = big / "d7" / "f7.txt"
        taken: dict[str, list[float]] = {"one file": [], "unchanged": [], "changed in place": [], "renamed over": []}
        for round_ in range(chosen.runs + 1):
            figures = {"one file": submit(small), "unchanged": submit(big)}
            changed.write_text(f"in place {round_}\n")
            figures["changed in place"] = submit(big)
            other = changed.with_suffix(".new")
            other.write_text(f"renamed {round_}\n")
            other.rename(changed)
            figures["renamed over"] = submit(big)
            time.sleep(2.1)
            submit(big)
            if round_:
                for name, figure in figures.items():
                    taken[name].append(figure)
        base = {name: statistics.median(figures) * 1000 for name, figures in taken.items()}
        print(f"{chosen.files} files, {os.cpu_count()} cores, medians of {chosen.runs} rounds, the whole command")
        for name, figure in base.items():
            print(
                f"{name:20}{figure:8.0f} ms{figure - base['one file']:+8.0f} ms{figure / base['unchanged']:8.2f} x unchanged"
            )


if __name__ == "__main__":
    main()
