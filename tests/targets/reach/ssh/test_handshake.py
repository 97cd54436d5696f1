"""The command that a login shell is given, carried out by real shells: everything of a connection but ssh."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from turnout.runtime import bundle
from turnout.runtime.layout import Home
from turnout.targets.reach import TargetError, Unreachable
from turnout.targets.reach.ssh import handshake
from turnout.workspace import Workspace

SHELLS = ("dash", "bash", "zsh", "ksh", "tcsh", "fish")
NOISE = 'printf "Welcome\\nto gpu-box\\n"; echo "motd: Permission denied" >&2; '


def facts(reach) -> dict:
    return reach.run({"operation": "facts"})


def write_python(path: Path, interpreter: str) -> None:
    """Put a real interpreter under another name; a link would have it look for its library beside that."""
    path.write_text(f'#!/bin/sh\nexec "{interpreter}" "$@"\n')
    path.chmod(0o755)


@pytest.fixture(scope="session")
def old_python() -> str:
    """A Python that is too old."""
    version = Path("~/.pyenv/versions").expanduser()
    found = [*sorted(version.glob("3.7.*/bin/python3")), *sorted(version.glob("3.6.*/bin/python3"))]
    if not found:
        pytest.skip("no Python before 3.8 here")
    return str(found[0])


@pytest.mark.parametrize("shell", SHELLS)
def test_every_login_shell_starts_the_agent_whatever_it_prints_first(account, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    # What ssh gives it is one argument of `-c`, after what the shell's own files have printed.
    noisy = [program, "-c", f'{NOISE} exec "{program}" -c "$0"']
    if shell in ("tcsh", "fish"):
        noisy = [program, "-c"]
    found = facts(account.reach(shell=noisy))
    assert found["home"] == str(account.directory / ".turnout")
    assert found["interpreter"] == shutil.which("python3") or os.path.isabs(found["interpreter"])


def test_a_profile_that_prints_comes_before_the_agent(account) -> None:
    (account.directory / ".profile").write_text('echo "loading modules"; printf "no line end"\n')
    assert facts(account.reach(shell=["dash", "-l", "-c"]))["home"] == str(account.directory / ".turnout")


def test_the_runtime_is_sent_once_and_whole(account) -> None:
    reach = account.reach()
    facts(reach)
    received = reach.traffic()[0]
    there = account.directory / ".turnout" / "runtime"
    digest = os.path.basename(bundle.ship(Workspace.from_config().home))
    assert os.listdir(there) == [digest]
    arrived = {
        str(path.relative_to(there / digest)): path.read_bytes()
        for path in (there / digest).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert arrived == bundle.contents()
    assert {path.stat().st_mode & 0o077 for path in (account.directory / ".turnout").rglob("*")} == {0}
    reach.close()
    again = account.reach()
    facts(again)
    assert again.traffic()[0] < received / 10


def test_a_copy_that_broke_off_is_no_runtime(account) -> None:
    digest = os.path.basename(bundle.ship(Workspace.from_config().home))
    left = account.directory / ".turnout" / "runtime" / f"{digest}.abcd.tmp" / "turnout"
    left.mkdir(parents=True)
    assert facts(account.reach())["home"] == str(account.directory / ".turnout")
    assert (account.directory / ".turnout" / "runtime" / digest / "turnout" / "runtime" / "agent.py").is_file()


def test_a_python_that_is_too_old_is_passed_over(account, bin_directory: Path, old_python: str) -> None:
    write_python(bin_directory / "python3", old_python)
    write_python(bin_directory / "python3.9", sys.executable)
    found = facts(account.reach(variables={"PATH": str(bin_directory)}))
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


def test_a_shim_without_a_version_is_passed_over(account, bin_directory: Path) -> None:
    (bin_directory / "python3").write_text("#!/bin/sh\necho 'pyenv: python3: command not found' >&2\nexit 127\n")
    (bin_directory / "python3").chmod(0o755)
    write_python(bin_directory / "python3.12", sys.executable)
    assert facts(account.reach(variables={"PATH": str(bin_directory)}))["home"]


def test_the_python_that_is_named_comes_first(account, bin_directory: Path, tmp_path: Path) -> None:
    mine = tmp_path / "my python"
    write_python(mine, sys.executable)
    (bin_directory / "python3").write_text(f"#!/bin/sh\ntouch '{tmp_path}/asked'\nexit 127\n")
    (bin_directory / "python3").chmod(0o755)
    assert facts(account.reach(interpreter=str(mine), variables={"PATH": str(bin_directory)}))["home"]
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(("pythons", "tells"), [((), "has no Python"), (("python3",), "is older than 3.8")])
def test_no_python_or_only_an_old_one_is_said_with_the_way_out(
    account, bin_directory: Path, old_python: str, pythons: tuple[str, ...], tells: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "_CANDIDATES", ("python3", "python3.9"))  # not /usr/bin/python3, which is here
    for name in pythons:
        write_python(bin_directory / name, old_python)
    with pytest.raises(Unreachable, match=tells) as caught:
        facts(account.reach(variables={"PATH": str(bin_directory)}, shell=["/bin/sh", "-c", f'{NOISE} eval "$0"']))
    assert caught.value.lasting
    assert "turnout target update" in str(caught.value)
    assert not (account.directory / ".turnout").exists()


def test_an_account_without_a_login_is_said_in_its_own_words(account) -> None:
    with pytest.raises(Unreachable, match=r"status 1: This account is currently not available\."):
        facts(account.reach(shell=["/bin/sh", "-c", 'echo "This account is currently not available."; exit 1']))


@pytest.mark.parametrize("named", ["~/with space/turnout", "../scratch/turnout", "/{0}/it's here"])
def test_the_home_there_may_lie_anywhere(account, tmp_path: Path, named: str) -> None:
    where = named.format(str(tmp_path).strip("/"))
    found = facts(account.reach(home=where, shell=["/bin/sh", "-c", 'cd "$HOME" && eval "$0"']))
    expected = os.path.normpath(os.path.join(account.directory, where.replace("~", str(account.directory))))
    assert found["home"] == expected
    assert (Path(expected) / "runtime").is_dir()


def test_a_home_that_a_file_is_in_the_way_of(account) -> None:
    (account.directory / "file").write_text("mine")
    with pytest.raises(
        TargetError, match=r"pipes: Turnout's home ~/file/t there can't be used: not a directory"
    ) as caught:
        facts(account.reach(home="~/file/t"))
    assert "--home" in str(caught.value)
    assert caught.value.number is not None


def test_a_home_that_is_not_ones_own(account, missing_service: Callable[[str], NoReturn]) -> None:
    if os.getuid() or not shutil.which("setpriv"):
        missing_service("needs root and setpriv")
    python = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", ""], check=False, capture_output=True
    )
    if python.returncode:
        missing_service("no Python that another account can run")
    shell = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-c"]
    with pytest.raises(TargetError, match="permission denied") as caught:
        facts(account.reach(interpreter="/usr/bin/python3", home="/root-only/turnout", shell=shell))
    assert "/root-only" in str(caught.value)
    assert not os.path.exists("/root-only")


def test_a_full_disk_there_leaves_no_half_runtime(account, missing_service: Callable[[str], NoReturn]) -> None:
    """A real file system with room for a part of the runtime."""
    small = account.directory / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        missing_service("a file system can't be mounted here")
    try:
        with pytest.raises(TargetError, match=r"no space left on device.*free some space"):
            facts(account.reach(home="~/small/turnout"))
        assert os.listdir(small / "turnout" / "runtime") == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_path_that_a_shell_would_read_otherwise_is_known() -> None:
    assert handshake.is_quotable("/opt/my python/bin/python3")
    for bad in ("/a'b", '/a"b', "/a$b", "/a`b", "/a\\b", "/a!b", "/a\nb"):
        assert not handshake.is_quotable(bad)


def test_a_new_runtime_is_sent_beside_the_old_one(account, monkeypatch: pytest.MonkeyPatch) -> None:
    facts(account.reach())
    home: Home = Workspace.from_config().home
    old = bundle.ship(home)
    contents = {**bundle.contents(), "turnout/runtime/more.py": b"# more\n"}
    digest = "f" * 64
    monkeypatch.setattr(bundle, "contents", lambda: contents)
    monkeypatch.setattr(bundle, "ship", lambda home: os.path.join(os.path.dirname(old), digest))
    reach = account.reach()
    reach.close()
    facts(reach)
    there = account.directory / ".turnout" / "runtime"
    assert sorted(os.listdir(there)) == sorted([os.path.basename(old), digest])
    assert (there / digest / "turnout" / "runtime" / "more.py").read_bytes() == b"# more\n"
