"""`turnout download`: copy files of a run into a directory."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import click

from turnout.cli import common, text
from turnout.exceptions import UserErrorException

if TYPE_CHECKING:
    from turnout.run import Run

_SHOWN = 5


@click.command("download")
@click.option("--to", "directory", required=True, metavar="DIR", help="Where to; made if it isn't there.")
@click.option("--force", is_flag=True, help="Write over files that are there and differ.")
@common.json_option
@common.run_argument
@click.argument("paths", metavar="[PATH]…", nargs=-1)
def command(run_name: str, paths: tuple[str, ...], directory: str, force: bool, as_json: bool) -> None:
    """Copy files of RUN into DIR under their names; all of them, or those that PATH names: a file or a directory."""
    run = common.find(common.workspace(), run_name)
    _fetch(run, paths)
    names = _chosen(run, paths)
    top = os.path.realpath(directory)
    copies = [_Copy(run, name, top) for name in names]
    _refuse_conflicts(copies, top, force)
    done = [copy for copy in copies if copy.carry_out()]
    if as_json:
        files = [{"name": copy.name, "bytes": copy.size, "copied": copy in done} for copy in copies]
        common.print_json({"directory": top, "files": files})
        return
    kept = f", {len(copies) - len(done)} were there already" if len(done) < len(copies) else ""
    copied = f"{text.count(len(done), 'file')}, {text.size(sum(copy.size for copy in done))}"
    print(f"{copied}, copied into {directory}{kept}")


def _fetch(run: Run, paths: tuple[str, ...]) -> None:
    """Bring what is wanted and was left on the run's target."""
    copy = run.replica()
    left = copy.left() if copy is not None else {}
    wanted = [name for name in left if not paths or any(_is_meant(name, path) for path in paths)]
    if copy is not None and wanted:
        common.notice(f"fetching {text.size(sum(left[name] for name in wanted))} that the run left on its target")
        copy.collect(wanted)


def _is_meant(name: str, path: str) -> bool:
    clean = os.path.normpath(path)
    return clean == "." or name == clean or name.startswith(clean + "/")


def _chosen(run: Run, paths: tuple[str, ...]) -> list[str]:
    names = run.get_file_names()
    if not paths:
        return names
    wanted: dict[str, None] = {}
    for path in paths:
        found = [name for name in names if _is_meant(name, path)]
        if not found:
            raise UserErrorException(
                f"the run {run.id} has no file '{path}'; `turnout files {run.id}` lists what there is"
            )
        wanted.update(dict.fromkeys(found))
    return list(wanted)


class _Copy:
    """One file to copy."""

    def __init__(self, run: Run, name: str, top: str) -> None:
        source = run.record.artifact_path(name)
        if source is None:
            raise UserErrorException(f"the file '{name}' of the run {run.id} is gone; `turnout files {run.id}`")
        self.name = name
        self.source = source
        self.size = os.path.getsize(source)
        self.target = os.path.join(top, name)
        self._top = top

    def is_inside(self) -> bool:
        """Say whether the target lies in the directory, whatever links are there."""
        real = os.path.realpath(os.path.dirname(self.target))
        return real == self._top or real.startswith(os.path.join(self._top, ""))

    def is_there(self) -> bool:
        """Say whether the same content is there already."""
        if os.path.islink(self.target) or not os.path.isfile(self.target):
            return False
        return os.path.getsize(self.target) == self.size and _same(self.source, self.target)

    def is_taken(self) -> bool:
        """Say whether something else is there."""
        return os.path.lexists(self.target) and not self.is_there()

    def carry_out(self) -> bool:
        """Copy, whole or not at all; return whether there was anything to do."""
        if self.is_there():
            return False
        os.makedirs(os.path.dirname(self.target), exist_ok=True)
        temporary = f"{self.target}.{os.getpid()}.tmp"
        try:
            shutil.copyfile(self.source, temporary)
            _copy_executable(self.source, temporary)
            os.replace(temporary, self.target)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
        return True


def _refuse_conflicts(copies: list[_Copy], top: str, force: bool) -> None:
    """Refuse, before anything is written, what would leave the directory or write over other files."""
    if os.path.lexists(top) and not os.path.isdir(top):
        raise UserErrorException(f"{top} is not a directory; name another with --to")
    outside = [copy.name for copy in copies if not copy.is_inside()]
    if outside:
        raise UserErrorException(f"a link in {top} leads out of it: {_some(outside)}; remove it, or name another --to")
    blocked = [copy.name for copy in copies if os.path.isdir(copy.target) and not os.path.islink(copy.target)]
    if blocked:
        raise UserErrorException(f"there are directories where files should go in {top}: {_some(blocked)}")
    taken = [] if force else [copy.name for copy in copies if copy.is_taken()]
    if taken:
        raise UserErrorException(
            f"{text.count(len(taken), 'other file')} would be written over in {top}: {_some(taken)}; "
            "--force writes over them"
        )


def _copy_executable(source: str, target: str) -> None:
    """Let those who can read the target also execute it, if the source can be; the rest is the person's umask."""
    if os.stat(source).st_mode & 0o100:
        mode = os.stat(target).st_mode
        os.chmod(target, mode | (mode & 0o444) >> 2)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _same(left: str, right: str) -> bool:
    with open(left, "rb") as one, open(right, "rb") as other:
        while True:
            block = one.read(1 << 20)
            if block != other.read(1 << 20):
                return False
            if not block:
                return True
