"""Brings the record of a run that is elsewhere to this machine, and tells the run's true state.

The record here is a copy that grows: of files that only grow what is new, of others the whole. One process at a time brings;
the others read what is there. The journal's last line, which says that the run has ended, is written here only once all else
has arrived and was verified: who sees a run's end finds all of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import zlib
from collections.abc import Collection, Iterator
from typing import Any

from turnout.exceptions import UserErrorException
from turnout.history import collecting
from turnout.runtime import closing, events, filelocks, handed, layout, markers, processes, records, states
from turnout.runtime.record import RunRecord, request_to_cancel
from turnout.runtime.script import ownership
from turnout.runtime.script.assets import taking
from turnout.runtime.serving import readback
from turnout.targets import compute_target, reach, registry
from turnout.targets.reach import TargetError, Unreachable

COLLECT = "collect"
"""What run.json calls the bytes of the largest output that is brought here by itself; without it, all are."""
COLLECTING = "collecting what it left"
_GROWING = (layout.USER_LOGS, layout.SYSTEM_LOGS, "events")
_JOURNAL = "journal.jsonl"


class Replica:
    """The copy here of a run that is on another machine.

    Args:
        run: its record here.
        home: this machine's home.
        parent: the copy of the run whose script has begun this one there; None for a run that was submitted from here.
    """

    def __init__(self, run: layout.RunLayout, home: layout.Home, parent: Replica | None = None) -> None:
        self._run = run
        self._record = RunRecord(run.root)
        self._home = home
        if parent is None:
            definition = self._record.definition
            self._target = compute_target.current(definition["target"], run)
            self._workspace_id = str((definition.get("workspace") or {}).get("id"))
            self.directory = compute_target.directory(self._target, self._workspace_id, run)
            self.reach = reach.make(self._target, home)
        else:
            self._target, self._workspace_id, self.reach = parent._target, parent._workspace_id, parent.reach
            self.directory = os.path.join(os.path.dirname(parent.directory), run.run_id)
        self._name = str(self._target.get("name"))
        self.answered = False
        """Whether the last look was answered by the target itself."""
        self.away = False
        """Whether the last look found no connection to the target."""

    def look(self, wait: float = 0.0, seconds: float = 0.5) -> tuple[str, str]:
        """Bring what is new, and return the run's state and why it is so.

        Args:
            wait: seconds for which the other side may wait for a change.
            seconds: for how long to collect at most, when the run has ended; what is left is for the next call.

        Raises:
            OSError: the record here can't be written.
        """
        state, reason = self._record.status()
        if states.is_final(state):
            return state, reason
        with self._alone() as mine:
            self.answered = self.away = False
            if not mine:  # another process brings what is new
                known = self._note()
                return str(known.get("state") or state), str(known.get("reason") or reason)
            try:
                told = self._look(wait, seconds)
                self.answered = True
                return told
            except Unreachable as error:
                self.away = True
                return self._not_responding(str(error))
            except TargetError as error:
                return self._not_responding(str(error))

    def known(self) -> tuple[str, str]:
        """Return state and reason as they are known here, with the time from which that is; nobody is asked."""
        state, reason = self._record.status()
        note = self._note()
        if states.is_final(state) or not note.get("seen"):
            return state, reason
        when = time.strftime("%H:%M:%S", time.localtime(float(note["seen"])))
        state, reason = str(note.get("state") or state), str(note.get("reason") or reason)
        return state, f"{reason}, as of {when}" if reason else f"as of {when}"

    def collect(self, names: Collection[str] | None = None) -> None:
        """Bring what the ended run left there on request.

        Args:
            names: only these, as `left` names them; None for all.

        Raises:
            Unreachable, TargetError: it can't be had now; what came is kept.
        """
        with self._alone(wait=True):
            left = collecting.collect(self.reach, self.directory, self._run, None, None, names)
            self._keep({**self._note(), "left": left})

    def left(self) -> dict[str, int]:
        """Return what the run left on its target and isn't here, as it asked for: artifact names and bytes."""
        found = {str(name): int(size) for name, size in self._note().get("left") or []}
        return {name.split("/", 1)[1]: size for name, size in found.items()}

    def _limit(self) -> int | None:
        limit = self._record.definition.get(COLLECT)
        return int(limit) if isinstance(limit, int) else None

    def seen(self) -> float:
        """Return when the target was last heard of this run, in seconds of this machine's clock; 0.0 for never."""
        return float(self._note().get("seen") or 0.0)

    def cancel(self, by: str, reason: str = "") -> tuple[str, str]:
        """Ask for the run's end; when the target can't be reached, the next look asks. See `record.request_to_cancel`."""
        if states.is_final(self._record.status()[0]):
            return self._record.status()
        records.create_json(self._run.cancel, request_to_cancel(by, reason))
        return self.look()

    def is_attached(self) -> bool:
        """Say whether the workspace still has the run's target."""
        kept = registry.load(self._run.workspace, self._name)
        return kept is not None and kept.get("id") == self._target.get("id")

    def delete(self) -> None:
        """Delete the run on its target.

        Raises:
            Unreachable, TargetError: that can't be done now.
        """
        self.reach.run({"operation": "delete", "directory": self.directory})

    def _look(self, wait: float, seconds: float) -> tuple[str, str]:
        note = self._note()
        if not note.get("handed_over"):
            waiting = self._settle_hand_over(note)
            if waiting is not None:
                return waiting
        self._pass_on_cancel(note)
        final = False
        withheld: list[tuple[str, int, bytes]] = []
        while True:
            request = {
                "operation": "changes",
                "directory": self.directory,
                "have": self._have(note, withheld),
                "wait": wait,
            }
            request.update(state=note.get("state"), reason=note.get("reason"))
            reply, content = self.reach.pull(request)
            if not reply["exists"]:
                return self._gone()
            state, reason = str(reply["state"]), str(reply["reason"])
            final = states.is_final(state)
            self._apply(reply, zlib.decompress(content), note, withheld if final else None)
            note.update(state=state, reason=reason, seen=time.time(), ahead=float(reply["now"]) - time.time())
            if not reply["more"] and not (final and reply["files"]):
                break
            wait = 0.0
        if final:
            # Readers find the journal's last line here only when all else is here.
            self._keep({**note, "state": states.FINALIZING, "reason": COLLECTING})
            try:
                note["left"] = collecting.collect(
                    self.reach, self.directory, self._run, time.monotonic() + seconds, self._limit()
                )
            except collecting.OutOfTime:
                return states.FINALIZING, COLLECTING
            note["collected"] = True
            if not self._bring_children(seconds):
                return states.FINALIZING, COLLECTING
            for trouble in taking.take(self._run, state):
                sys.stderr.write(f"turnout: of the run {self._run.run_id}: {trouble}\n")
            for name, offset, data in withheld:
                _write_at(os.path.join(self._run.root, name), offset, data)
        else:
            self._bring_children(0.0)
        self._keep(note)
        if final:
            markers.mark_changed(self._run)
        return state, reason

    def _bring_children(self, seconds: float) -> bool:
        """Bring the runs that the script has begun there; say whether all of them have ended and are here."""
        whole = True
        for child_id in dict.fromkeys(events.children(self._record.events(metrics=False))):
            run = self._run.workspace.run(child_id)
            if not is_id(child_id) or os.path.lexists(self._run.workspace.tombstone(child_id)):
                continue
            record = RunRecord(run.root)
            if not record.exists() and not self._begin_child(run):
                continue  # it was deleted there
            if not os.path.exists(run.replica) or states.is_final(str(record.journaled_state().get("state"))):
                continue  # it was submitted from here, or is whole
            state, _ = Replica(run, self._home, self).look(seconds=seconds)
            whole = whole and states.is_final(state)
        return whole

    def _begin_child(self, run: layout.RunLayout) -> bool:
        """Make the record here of a run that began there; False when there is none."""
        directory = os.path.join(os.path.dirname(self.directory), run.run_id)
        try:
            _, content = self.reach.pull({"operation": "fetch", "directory": directory, "wanted": [["run.json", 0]]})
        except TargetError:
            return False
        temporary = layout.RunLayout(os.path.join(os.path.dirname(run.root), f".{run.run_id}.{os.urandom(4).hex()}"))
        try:
            for path in (temporary.root, temporary.events, temporary.user_logs, temporary.system_logs):
                os.mkdir(path, layout.DIRECTORY_MODE)
            records.write_atomic(temporary.definition, zlib.decompress(content))
            records.write_json(temporary.replica, {"handed_over": True, "seen": time.time()})
            markers.mark_changed(run)
            os.rename(temporary.root, run.root)
        except BaseException:
            shutil.rmtree(temporary.root, ignore_errors=True)
            raise
        return True

    def _settle_hand_over(self, note: dict[str, Any]) -> tuple[str, str] | None:
        """Say how it stands with a run that its submitter has not handed over; None when the target has it."""
        submitter = self._record.definition.get("submitter") or {}
        lives = processes.state(submitter) if submitter else processes.GONE
        if lives != processes.GONE and not note.get("given_up"):
            return states.NOT_STARTED, f"handing over to {self._name}, retrying"
        if not note.get("given_up") and self._record.is_left_to_its_sweep():
            return states.NOT_STARTED, "its sweep hands it over"
        identity = {"workspace": self._workspace_id, "run": self._run.run_id}
        if self.reach.run({"operation": "withdraw", **identity})["there"]:
            note["handed_over"] = True
            self._keep(note)
            return None
        closing.end_unsupervised(self._record, states.CANCELED, "never handed over: its submitter ended before")
        handed.remove(self._home, self._run)
        return self._record.status()

    def _pass_on_cancel(self, note: dict[str, Any]) -> None:
        if "cancel" in (note.get("stamps") or {}):
            return  # it is the target's own
        request = self._record.cancel_request()
        if request is not None:
            asked = {"by": request.get("by"), "reason": request.get("reason")}
            self.reach.run({"operation": "cancel", "directory": self.directory, **asked})

    def _have(self, note: dict[str, Any], withheld: list[tuple[str, int, bytes]]) -> dict[str, Any]:
        have: dict[str, Any] = dict(note.get("stamps") or {})
        for top in _GROWING:
            directory = os.path.join(self._run.root, top)
            try:
                with os.scandir(directory) as entries:
                    have.update((f"{top}/{entry.name}", entry.stat().st_size) for entry in entries if entry.is_file())
            except FileNotFoundError:
                continue
        size = os.stat(self._run.journal).st_size if os.path.exists(self._run.journal) else 0
        have[_JOURNAL] = max([size, *(offset + len(data) for _, offset, data in withheld)])
        return have

    def _apply(
        self, reply: dict[str, Any], content: bytes, note: dict[str, Any], withheld: list[tuple[str, int, bytes]] | None
    ) -> None:
        stamps = note.setdefault("stamps", {})
        position = 0
        for name, offset, length, stamp in reply["files"]:
            data = content[position : position + length]
            position += length
            if not _is_known(name) or len(data) != length:
                raise TargetError(
                    f"{self._name}: the agent there sent something that doesn't belong to a run: {name!r}"
                )
            path = os.path.join(self._run.root, name)
            if stamp is not None:
                records.write_atomic(path, data)
                stamps[name] = stamp
            elif name == _JOURNAL and withheld is not None:
                withheld.append((name, offset, data))
            else:
                _write_at(path, offset, data)
        for name in reply["gone"]:
            if stamps.pop(name, None) is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._run.root, name))

    def _gone(self) -> tuple[str, str]:
        """The target has no record of a run that it was handed: somebody removed it there."""
        closing.end_unsupervised(
            self._record,
            states.FAILED,
            f"its record on {self._name} is gone: somebody removed it, or the home there is another",
        )
        return self._record.status()

    def _not_responding(self, why: str) -> tuple[str, str]:
        note = self._note()
        seen = float(note.get("seen") or 0.0)
        if not note.get("handed_over"):
            state, reason = states.NOT_STARTED, f"handing over to {self._name}, retrying: {why}"
        else:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seen)) if seen else "never"
            state, reason = states.NOT_RESPONDING, f"last seen {when}, retrying: {why}"
        return state, reason

    @contextlib.contextmanager
    def _alone(self, wait: bool = False) -> Iterator[bool]:
        descriptor = os.open(self._run.replica_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        try:
            try:
                filelocks.lock(descriptor, self._run.replica_lock, wait=wait)
                mine = True
            except BlockingIOError:
                mine = False
            except filelocks.NoFileLocks:
                mine = True  # every write is one that may be repeated
            yield mine
        finally:
            os.close(descriptor)

    def _note(self) -> dict[str, Any]:
        return read_note(self._run)

    def _keep(self, note: dict[str, Any]) -> None:
        records.write_json(self._run.replica, note)


def read_note(run: layout.RunLayout) -> dict[str, Any]:
    """Return what is known here of how far a run's record was brought."""
    try:
        value = records.read_json(run.replica)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def mark_handed_over(run: layout.RunLayout) -> None:
    """Note that the target has the run."""
    records.write_json(run.replica, {**read_note(run), "handed_over": True, "seen": time.time()})


def mark_given_up(run: layout.RunLayout) -> None:
    """Note that its submitter tries no more to hand the run over, though it may live."""
    records.write_json(run.replica, {**read_note(run), "given_up": True})


def is_id(text: str) -> bool:
    """Say whether a text that came from elsewhere can be a run's id."""
    try:
        ownership.check_id(text)
    except UserErrorException:
        return False
    return True


def _is_known(name: str) -> bool:
    top, slash, rest = name.partition("/")
    if slash:
        return top in _GROWING and bool(rest) and "/" not in rest and not rest.startswith(".")
    return name in readback.WHOLE or name == _JOURNAL


def _write_at(path: str, offset: int, data: bytes) -> None:
    """Write a part of a file that grows; the same part may be written again."""
    os.makedirs(os.path.dirname(path), layout.DIRECTORY_MODE, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        if offset == 0 and os.fstat(descriptor).st_size > len(data):
            os.ftruncate(descriptor, 0)
        os.lseek(descriptor, offset, os.SEEK_SET)
        records.write_all(descriptor, data)
    finally:
        os.close(descriptor)
