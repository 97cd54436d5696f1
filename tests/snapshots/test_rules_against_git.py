"""The rules decide as git does, on trees and patterns that hypothesis makes up."""

import os
import shutil
import subprocess

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from turnout.snapshots.rules import Rules
from turnout.snapshots.walk import Walk

NAMES = st.sampled_from(
    [b"a", b"b", b"ab", b"a.b", b"a b", b"a\nb", b"-", b"]", b"[", b"*", b"\\", b"!a", b"#", b"\xff", b"b "]
)  # fmt: skip
PIECES = st.sampled_from(
    [b"a", b"b", b"ab", b"*", b"**", b"?", b"/", b"**/", b"/**", b".", b"[ab]", b"[!a]", b"[^b]", b"[a-b]", b"[]-]",
     b"[[:alpha:]]", b"[[:punct:]b]", b"[![:space:]]", b"[[:nope:]]", b"[[:a]", b"[\\]a]", b"[a-\\b]", b"[b-]", b"[", b"]",
     b"\\", b"\\a", b"\\*", b"\\ ", b" ", b"\t", b"!", b"#", b"-", b"\xff", b"\r"]
)  # fmt: skip
PATTERNS = st.builds(
    lambda negated, pieces, end: negated + b"".join(pieces) + end,
    st.sampled_from([b"", b"", b"", b"!"]),
    st.lists(PIECES, min_size=1, max_size=5),
    st.sampled_from([b"", b"", b"/", b" "]),
)
IGNORE_FILES = st.lists(PATTERNS, max_size=5).map(b"\n".join)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A git repository with an empty configuration around it, and the environment to use it with."""
    top = tmp_path_factory.mktemp("git")
    home = top / "home"
    (home / ".config" / "git").mkdir(parents=True)
    patch = pytest.MonkeyPatch()
    patch.setenv("HOME", str(home))
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    patch.delenv("XDG_CONFIG_HOME", raising=False)
    subprocess.run(["git", "init", "-q", str(top / "repository")], check=True)
    yield top / "repository"
    patch.undo()


def untracked(directory):
    """What git would add, relative to the directory."""
    found = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "-z"], cwd=directory, stdout=subprocess.PIPE, check=True
    )
    return sorted(found.stdout.split(b"\0")[:-1])


def write_tree(root, paths):
    for path in paths:
        full = os.path.join(root, path)
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb"):
                pass
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # another path has made a file of this directory, or the other way round


def write(path, content):
    with open(path, "wb") as stream:
        stream.write(content)


@settings(max_examples=60, deadline=None)
@given(
    paths=st.lists(PATHS, min_size=1, max_size=12),
    root_rules=IGNORE_FILES,
    deep_rules=st.dictionaries(st.sampled_from([b"a", b"b", b"a/b", b"ab"]), IGNORE_FILES, max_size=2),
    parent_rules=IGNORE_FILES,
    info_rules=IGNORE_FILES,
    global_rules=IGNORE_FILES,
)
@example([b"xa/b"], b"x**/b", {}, b"", b"", b"")
@example([b"a/b", b"a/c"], b"a/*\n!a/b", {}, b"", b"", b"")
@example([b"a/b", b"ab"], b"/*\n!/a", {}, b"", b"", b"")
@example([b"a/b/a"], b"!a", {b"a": b"b/"}, b"a", b"", b"")
@example([b"a", b"b"], b"\xef\xbb\xbfa\r\nb\r", {}, b"", b"", b"")
def test_what_goes_in_is_what_git_would_add(
    repository, paths, root_rules, deep_rules, parent_rules, info_rules, global_rules
):
    source = os.fsencode(repository / "source")
    shutil.rmtree(source, ignore_errors=True)
    os.mkdir(source)
    write_tree(source, paths)
    write(os.path.join(source, b".gitignore"), root_rules)
    for directory, rules in deep_rules.items():
        if os.path.isdir(os.path.join(source, directory)):
            write(os.path.join(source, directory, b".gitignore"), rules)
    write(repository / ".gitignore", parent_rules)
    write(repository / ".git" / "info" / "exclude", info_rules)
    write(repository.parent / "home" / ".config" / "git" / "ignore", global_rules)
    # Someone who names an ignored directory as the source wants what is in it.
    assume(subprocess.run(["git", "check-ignore", "-q", "source"], cwd=repository).returncode == 1)

    tree = Walk(source, Rules(source)).run()

    assert sorted(path for path, _ in tree.files) == untracked(source)
