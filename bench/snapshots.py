"""What a snapshot costs, beside git and other ways to walk a tree with git's ignore rules.

    .venv/bin/python bench/snapshots.py [--files 20000] [--rounds 7] [--directory DIR]

Makes a tree of many small files in a git repository below DIR (the system's temporary directory by default) and removes
it at the end. What runs in Python is timed inside a fresh process each time, without the interpreter's start and the
imports, which have a row of their own; git's commands are timed as whole processes. Medians of all rounds, in turn.
`ignore-python` and `pathspec` are left out where they are not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

IGNORED = [
    "__pycache__/", "*.py[cod]", "*$py.class", "*.so", ".Python", "/build/", "develop-eggs/", "/dist/", "*.egg-info/",
    "*.egg", "pip-log.txt", "htmlcov/", ".coverage", ".coverage.*", "nosetests.xml", "*.log", "!keep.log", ".env", "/data/*",
    "!/data/small/", "docs/_build/", "*.ckpt", "checkpoint-*/", "**/wandb/run-*",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--directory")
    arguments = parser.parse_args()
    top = Path(tempfile.mkdtemp(prefix="turnout-bench-", dir=arguments.directory))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.update(HOME=str(top / "person"), GIT_CONFIG_NOSYSTEM="1")
    try:
        print(machine())
        bench = Bench(top, arguments.files, arguments.rounds)
        bench.first()
        bench.rest()
        bench.report()
        compare_decisions(top)
    finally:
        shutil.rmtree(top)


class Bench:
    """The trees, and what was measured on them, in seconds."""

    def __init__(self, top: Path, files: int, rounds: int) -> None:
        self.top, self.files, self.rounds = top, files, rounds
        (top / "person").mkdir()
        self.large, self.small = top / "large", top / "small"
        self.changing = make_tree(self.large, files)
        make_tree(self.small, 1)
        self.taken: dict[str, list[float]] = {}
        self.written: set[int] = set()
        self.ids: set[str] = set()

    def first(self) -> None:
        """Measure what happens once: everything is new."""
        for number in range(3):
            home = self.top / f"home-{number}"
            self._add("snapshot, first", child("take", self.large, home)["seconds"])
            shutil.rmtree(home)
            shutil.rmtree(self.large / ".git")
            git(self.large, "init", "-q")
            self._add("git add -A, first", timed("git", "-C", self.large, "add", "-A"))
        for tree in (self.large, self.small):
            git(tree, "add", "-A")
            git(tree, "commit", "-qm", "first")
        time.sleep(2.5)  # what was modified less than two seconds before is read again, by git too
        for tree in (self.large, self.small):
            for _ in range(2):
                child("take", tree, self.top / "home")

    def rest(self) -> None:
        """Measure what happens again and again."""
        for number in range(self.rounds):
            self._walks()
            for name, tree in (("one file", self.small), ("unchanged", self.large)):
                found = child("take", tree, self.top / "home")
                self._add(f"snapshot, {name}", found["seconds"])
                self._add(f"snapshot and git facts, {name}", child("facts", tree, self.top / "home")["seconds"])
            empty = timed(sys.executable, "-c", "")
            self._add(
                "import turnout.snapshots.take", timed(sys.executable, "-c", "import turnout.snapshots.take") - empty
            )
            self._add("git status, unchanged", timed("git", "-C", self.large, "status", "--porcelain"))
            self._add("git add -A, unchanged", timed("git", "-C", self.large, "add", "-A"))
            self._change("snapshot, one changed in place", number, replace=False)
            self._change("snapshot, one renamed over", number, replace=True)

    def _walks(self) -> None:
        for name, what in (
            ("scandir and stat, no rules", "bare"),
            ("Turnout's walk, nothing cached", "walk"),
            ("pathspec on every path", "pathspec"),
            ("ignore-python and stat", "ignore"),
        ):
            found = child(what, self.large, self.top / "home")
            if "left out" in found:
                self.taken.setdefault(f"{name}: {found['left out']}", [])
            else:
                self._add(name, found["seconds"])
        self._add(
            "git ls-files -co --exclude-standard",
            timed("git", "-C", self.large, "ls-files", "-co", "--exclude-standard"),
        )

    def _change(self, name: str, number: int, replace: bool) -> None:
        content = f"# round {number} {replace}\n"
        if replace:
            beside = self.changing.with_suffix(".new")
            beside.write_text(content)
            os.rename(beside, self.changing)
        else:
            self.changing.write_text(content)
        found = child("take", self.large, self.top / "home")
        self._add(name, found["seconds"])
        self.written.add(found["result"])
        git(self.large, "checkout", "-q", "--", ".")
        time.sleep(2.2)
        child("take", self.large, self.top / "home")

    def _add(self, name: str, seconds: float) -> None:
        self.taken.setdefault(name, []).append(seconds)

    def report(self) -> None:
        """Print the tables and the budgets."""
        middle = {name: statistics.median(values) for name, values in self.taken.items() if values}
        base = middle["snapshot, unchanged"]
        print(f"\n{self.files:,} files\n{'':44}{'ms':>9}{'min':>8}{'max':>8}{'ratio':>8}")
        for name, values in self.taken.items():
            if values:
                low, high = min(values) * 1e3, max(values) * 1e3
                print(f"{name:44}{middle[name] * 1e3:9.1f}{low:8.1f}{high:8.1f}{middle[name] / base:8.2f}")
            else:
                print(name)
        adds = middle["snapshot and git facts, unchanged"] - middle["snapshot and git facts, one file"]
        print(f"\nunchanged tree over one file, git's facts included: {adds * 1e3:.0f} ms (budget 200)")
        print(f"one changed file: {sorted(self.written)} object written each time (budget 1)")
        for name in ("snapshot, one changed in place", "snapshot, one renamed over"):
            print(f"{name}: {middle[name] / base:.2f} × unchanged, the snapshot alone")


def make_tree(root: Path, files: int) -> Path:
    """Make a repository of small files, 20 in a directory, and some ignored ones; return one of the files."""
    pseudo = random.Random(7)
    for number in range(files):
        directory = root / f"package_{number // 1000}" / f"part_{number // 20 % 50}"
        directory.mkdir(parents=True, exist_ok=True)
        last = directory / f"module_{number}.py"
        last.write_bytes(b"# %d\n" % number + pseudo.randbytes(pseudo.randint(100, 8000)))
        if number % 20 == 0:
            (directory / "__pycache__").mkdir()
            (directory / "__pycache__" / "x.pyc").write_bytes(b"x")
    (root / ".gitignore").write_text("\n".join(IGNORED) + "\n")
    git(root, "init", "-q")
    return last


def git(directory: Path, *words: str) -> None:
    person = ["-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0"]
    subprocess.run(["git", "-C", str(directory), *person, *words], check=True)


def timed(*words: str | Path) -> float:
    began = time.perf_counter()
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def child(what: str, tree: Path, home: Path) -> dict[str, Any]:
    """Measure one thing in a process of its own."""
    home.mkdir(mode=0o700, exist_ok=True)
    words = [sys.executable, __file__, "--child", what, str(tree), str(home)]
    return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)


def measured(what: str, tree: str, home: str) -> dict[str, Any]:
    """Do one thing, timed; the imports it needs are not."""
    try:
        function = CHILDREN[what](tree, home)
    except ImportError as error:
        return {"left out": f"not installed ({error})"}
    began = time.perf_counter()
    result = function()
    return {"result": result, "seconds": time.perf_counter() - began}


def take(tree: str, home: str) -> Callable[[], int]:
    from turnout.runtime import layout
    from turnout.snapshots.take import take

    place = layout.Home(home)
    return lambda: take(tree, place, place.workspace("bench")).written


def facts(tree: str, home: str) -> Callable[[], int]:
    from turnout.snapshots.git import GitFacts

    snapshot = take(tree, home)

    def run() -> int:
        asked = GitFacts.begin(tree)
        written = snapshot()
        asked.finish()
        return written

    return run


def walk(tree: str, home: str) -> Callable[[], int]:
    from turnout.snapshots.rules import Rules
    from turnout.snapshots.walk import Walk

    return lambda: len(Walk(os.fsencode(tree), Rules(os.fsencode(tree))).run().files)


def bare(tree: str, home: str) -> Callable[[], int]:
    def run() -> int:
        files, pending = 0, [tree]
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending += [entry.path] if entry.name != ".git" else []
                    else:
                        os.lstat(entry.path)
                        files += 1
        return files

    return run


def pathspec(tree: str, home: str) -> Callable[[], int]:
    from pathspec import GitIgnoreSpec

    def run() -> int:
        with open(os.path.join(tree, ".gitignore")) as stream:
            spec = GitIgnoreSpec.from_lines(stream)
        files = 0
        for above, directories, names in os.walk(tree):
            inside = os.path.relpath(above, tree) + "/" if above != tree else ""
            directories[:] = [
                name for name in directories if name != ".git" and not spec.match_file(f"{inside}{name}/")
            ]
            files += sum(not spec.match_file(inside + name) for name in names)
        return files

    return run


def ignore(tree: str, home: str) -> Callable[[], int]:
    from ignore import WalkBuilder

    def run() -> int:
        builder = WalkBuilder(tree)
        builder.hidden(False)
        files = 0
        for entry in builder.build():
            os.lstat(entry.path())
            files += 1
        return files

    return run


CHILDREN = {"take": take, "facts": facts, "walk": walk, "bare": bare, "pathspec": pathspec, "ignore": ignore}


def compare_decisions(top: Path) -> None:
    """Count how often matchers decide differently from git, on patterns as odd as git's documentation allows."""
    from turnout.snapshots.rules import Rules

    try:
        from pathspec import GitIgnoreSpec
    except ImportError:
        GitIgnoreSpec = None  # noqa: N806
    pseudo = random.Random(7)
    pieces = [
        "a",
        "b",
        "*",
        "**",
        "?",
        "/",
        "**/",
        "/**",
        "[ab]",
        "[!a]",
        "[[:alpha:]]",
        "[]-]",
        "[\\]b]",
        "\\a",
        "\\",
        "[",
    ]
    names = ["a", "b", "ab", "a b", "a\n", "]", "-b", "ba"]
    paths = [f"{one}/{two}" for one in names for two in names] + names
    root = top / "decisions"
    for path in paths:
        if "/" in path:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("")
    git(root, "init", "-q")
    wrong = {"Turnout": 0, "pathspec": 0}
    total = 0
    for _ in range(300):
        pattern = "".join(pseudo.choices(pieces, k=pseudo.randint(1, 4)))
        (root / ".gitignore").write_text(pattern + "\n")
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-o", "--exclude-standard", "-z"], stdout=subprocess.PIPE, check=True
        ).stdout.decode()
        expected = set(listed.split("\0")) - {""}
        files = [path for path in paths if "/" in path] + [".gitignore"]
        total += len(files)
        wrong["Turnout"] += len(expected ^ ours(root, Rules))
        if GitIgnoreSpec is not None:
            wrong["pathspec"] += len(expected ^ theirs(files, pattern, GitIgnoreSpec))
    if GitIgnoreSpec is None:
        del wrong["pathspec"]
    said = ", ".join(f"{name} {count:,}" for name, count in wrong.items())
    print(f"decided differently from git, of {total:,} files under 300 odd patterns: {said}")


def ours(root: Path, rules: Any) -> set[str]:
    from turnout.snapshots.walk import Walk

    tree = Walk(os.fsencode(root), rules(os.fsencode(root))).run()
    return {os.fsdecode(path) for path, _ in tree.files}


def theirs(files: list[str], pattern: str, spec_type: Any) -> set[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it hands the regular expressions of odd patterns to `re` as is
            spec = spec_type.from_lines([pattern])
    except ValueError:
        return set(files)  # it refuses the pattern; git ignores it
    return {path for path in files if not spec.match_file(path)}


def machine() -> str:
    with open("/proc/cpuinfo") as lines:
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    version = subprocess.run(["git", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()[2]
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, git {version}, {platform.release()}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measured(*sys.argv[2:5])))
    else:
        main()
