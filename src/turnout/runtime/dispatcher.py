"""Starts the runs of this machine's queue as slots come free: one process for all workspaces of a home.

It is started by whoever needs it, ends when nothing waits and no sweep is about to bring more, and may be killed at any
moment: what it knows is in the queue's files and the runs' records, and the next one goes on from there. It takes the run
lock of a run before it journals what that waits for; a run that gets its slots is handed to a supervisor, which is a fork of
this process: that costs a twentieth of a new interpreter.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import signal
import sys
import time
from typing import Callable, Dict, List, Optional

from turnout.runtime import (
    builders,
    cgroups,
    closing,
    dispatching,
    filelocks,
    givingup,
    layout,
    processes,
    records,
    runlock,
    runqueue,
    slots,
    starting,
    states,
    supervisor,
    watch,
)
from turnout.runtime.queuedrun import QueuedRun
from turnout.runtime.record import RunRecord

_TRIES = 50
"""How often a free lock that another process is just letting go is tried, a millisecond apart."""
_OWN_ERROR, _KILLED, _ENOUGH = 10, 1, 30
"""What an unexpected end of a run's supervisor counts, and where the run is given up."""
_CRASHES = 3
"""The same under several dispatchers: how many ends by an error of their own the record may count."""
_ROOM_SECONDS = 1.0
"""Between attempts on a full disk."""
_EXHAUSTED = (*records.DISK_FULL, errno.EAGAIN, errno.ENOMEM)
"""Errors that say nothing of the run: no room on the disk, or for a process."""


class Dispatcher:
    """Dispatches until nothing waits, nor a sweep lives whose next trial would have to wait for another dispatcher.

    Args:
        home: this machine's home.
        waiter: where to sleep.
    """

    def __init__(self, home: layout.Home, waiter: watch.Waiter) -> None:
        self.home = home
        self.queue = home.queue_here
        self.runtime = sys.path[0]
        self.waiter = waiter
        self.identity = processes.identity()
        self.waiting: Dict[str, QueuedRun] = {}
        self.started: Dict[str, QueuedRun] = {}
        self.children: Dict[int, QueuedRun] = {}
        self.warm = False
        self.builds = max(2, os.cpu_count() or 1)

    def serve(self) -> None:
        """Work until nothing waits, or is about to."""
        look = True
        scanned = 0.0
        while not self.waiter.terminated:
            try:
                ended = self.reap()
                if look:
                    self.scan()
                    scanned = time.monotonic()
                if look or ended:
                    self.prepare()
                    self.start()
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                look = True
                self.waiter.wait(time.monotonic() + _ROOM_SECONDS)
                continue
            pauses = [queued.not_before for queued in self.all() if queued.not_before and not queued.supervised]
            more = any(queued.brings_more and queued.supervised for queued in self.started.values())
            if not self.waiting and not pauses and not more:
                return
            until = min(pauses) if pauses else None
            others = [queued.other for queued in self.all() if queued.other is not None]
            signals = self.waiter.wait(until, others)
            now = time.monotonic()
            look = (
                signal.SIGUSR1 in signals
                or now - scanned >= watch.SAFETY_SECONDS
                or (until is not None and now >= until)
                or any(other.ended() for other in others)
            )

    def all(self) -> List[QueuedRun]:
        """Return all runs of the queue."""
        return [*self.waiting.values(), *self.started.values()]

    def attempt(self, queued: QueuedRun, act: Callable[[QueuedRun], None]) -> None:
        """Do something for a run. What is wrong with one run's files must not keep the others from going on."""
        try:
            act(queued)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _EXHAUSTED:
                raise
            queued.trouble += _OWN_ERROR
            queued.pause()
            queued.complain("the dispatcher can't go on with this run: %s: %s" % (type(error).__name__, error))

    def reap(self) -> bool:
        """Take note of the supervisors that have ended; return whether there were any."""
        ended = self.waiter.ended()
        known = [(self.children.pop(pid), status) for pid, status in ended.items() if pid in self.children]
        for queued, _ in known:
            queued.pid = 0
        for queued, status in known:
            self.attempt(queued, functools.partial(self.after, status))
        return bool(ended)

    def after(self, status: int, queued: QueuedRun) -> None:
        """Decide what follows the end of a run's supervisor."""
        if status == 0 and queued.entry.grant is None and queued.state() == states.QUEUED:
            queued.ready = True  # prepared, as it should
            return
        holder = runlock.holder(queued.run.lock)
        if holder in (None, self.identity) or processes.state(holder or {}) == processes.GONE:
            queued.trouble += _OWN_ERROR if os.WIFEXITED(status) and status else _KILLED
            if queued.trouble > _KILLED:
                queued.pause()
        self.take_up(queued)

    def scan(self) -> None:
        """Read the queue anew, and what has become of the runs in it."""
        found = {True: set(runqueue.names(self.queue.started)), False: set(runqueue.names(self.queue.waiting))}
        for known, there in ((self.waiting, found[False]), (self.started, found[True])):
            for name in [name for name in known if name not in there and not known[name].pid]:
                known.pop(name).close()
        directories = {queued.entry.directory for queued in self.all()}
        for where, begun in ((self.queue.started, True), (self.queue.waiting, False)):
            for name in sorted(found[begun] - set(self.waiting) - set(self.started)):
                entry = runqueue.read(self.home, where, name)
                if entry is None:
                    continue  # one that can't be read doesn't hide its twin in `waiting`, which was to go
                if entry.directory in directories:
                    runqueue.drop(self.home, name)  # a request that was repeated
                    continue
                directories.add(entry.directory)
                queued = QueuedRun(entry)
                (self.started if begun else self.waiting)[name] = queued
                self.attempt(queued, self.take_up)
        for queued in self.all():
            self.look_again(queued)

    def look_again(self, queued: QueuedRun) -> None:
        """See to a known run that may have changed."""
        if queued.other is not None and queued.other.ended():
            queued.close()
            self.attempt(queued, self.take_up)
            return
        if queued.pid or time.monotonic() < queued.not_before:
            return
        paused, queued.not_before = queued.not_before > 0, 0.0
        if queued.entry.grant is None and os.path.exists(queued.run.cancel):
            self.attempt(queued, self.cancel)
        elif queued.entry.grant is not None and queued.trouble >= _ENOUGH and not queued.supervised:
            self.attempt(queued, functools.partial(self.supervise, in_vain=True))
        elif not queued.supervised and (queued.entry.grant is not None or paused or not queued.ours):
            self.attempt(queued, self.take_up)

    def take_up(self, queued: QueuedRun) -> None:
        """Find out where a run stands that has no supervisor here, and see to it."""
        queued.ours = False
        holder = runlock.holder(queued.run.lock)
        mine = holder is None or holder == self.identity
        lives = processes.GONE if mine else processes.state(holder or {})
        state = queued.state()  # after that: who is gone has written its last word
        if state is None or states.is_final(state):
            self.forget(queued)
            return
        if lives == processes.UNKNOWN:
            return  # nothing is concluded about a process that can't be seen from here, and nothing done
        if lives == processes.ALIVE and holder is not None:
            queued.other = watch.Process(holder["pid"], child=False, identity=holder)
            return
        queued.ours = True
        if queued.entry.grant is None and state in (states.STARTING, states.RUNNING, states.FINALIZING):
            # The entry was lost and made anew: what the run holds is in its record.
            self.mark_started(queued, slots.from_json(RunRecord(queued.run.root).placement().get("slots")))
        if time.monotonic() < queued.not_before:
            return
        if queued.trouble >= _ENOUGH or queued.crashes() >= _CRASHES:
            self.supervise(queued, in_vain=True)
        elif queued.entry.grant is not None:
            self.supervise(queued)
        elif os.path.exists(queued.run.cancel):
            self.cancel(queued)
        else:
            queued.ready = self.is_mine(queued) and self.is_built(queued)

    def is_built(self, queued: QueuedRun) -> bool:
        """Say whether a run's environment is there; notes its key."""
        try:
            environment = RunRecord(queued.run.root).definition.get("environment") or {}
            queued.key = str(environment.get("key") or "")
            return builders.find(environment, self.home) is not None
        except (OSError, ValueError, TypeError, AttributeError):
            return False  # a record that is damaged: its supervisor says how

    def prepare(self) -> None:
        """Start building the environments that are missing, one build a key, and not too many at once."""
        unready = [queued for queued in self.waiting.values() if not queued.ready and queued.ours]
        building = {queued.key or queued.entry.name: queued for queued in unready if queued.pid}
        for queued in sorted(unready, key=lambda one: one.entry.order):
            if not queued.supervised and time.monotonic() >= queued.not_before:
                self.attempt(queued, functools.partial(self.prepare_one, building))

    def prepare_one(self, building: Dict[str, QueuedRun], queued: QueuedRun) -> None:
        """Have the environment of one run built, or let it wait for that.

        Args:
            building: the runs whose supervisors are at it, by their environment's key; may get one more.
            queued: the run.
        """
        other = building.get(queued.key) if queued.key else None
        if other is not None:
            reason = "run %s builds the same environment, %s" % (other.run.run_id, queued.key)
            self.tell(queued, states.PREPARING, reason)
        elif self.is_mine(queued) and self.is_built(queued):
            queued.ready = True  # built meanwhile
        elif len(building) < self.builds:
            self.supervise(queued)
            building[queued.key or queued.entry.name] = queued
        else:
            self.tell(queued, states.PREPARING, "waiting for %d other environments to be built" % len(building))

    def is_mine(self, queued: QueuedRun) -> bool:
        """Say whether a run began with the runtime that this process is of; else its own must look after it."""
        return queued.entry.runtime == self.runtime

    def start(self) -> None:
        """Give the free slots to the runs whose turn it is."""
        ready = [queued for queued in self.waiting.values() if queued.ready and queued.ours and not queued.supervised]
        if not ready:
            return
        ready.sort(key=lambda queued: queued.entry.order)
        in_use = [queued.entry.grant for queued in self.started.values() if queued.entry.grant is not None]
        full = runqueue.held_back(
            (queued.entry for queued in ready), (queued.entry for queued in self.started.values())
        )
        for queued in [queued for queued in ready if queued.entry.name in full]:
            self.attempt(queued, lambda one: self.tell(one, states.QUEUED, full[one.entry.name]))
        ready = [queued for queued in ready if queued.entry.name not in full]
        demands = ((queued.entry.name, queued.entry.demand) for queued in ready)
        grants = slots.choose(demands, slots.offered(self.queue), in_use)
        for queued in ready:
            if time.monotonic() >= queued.not_before:
                self.attempt(queued, functools.partial(self.start_one, grants.get(queued.entry.name)))

    def start_one(self, grant: Optional[slots.Grant], queued: QueuedRun) -> None:
        """Start a run that got slots; say of one that got none what it waits for."""
        if grant is not None:
            self.mark_started(queued, grant)
            self.supervise(queued)
        elif queued.told[0] != states.QUEUED:
            self.tell(queued, states.QUEUED, "waiting for %s" % slots.spoken(queued.entry.demand))

    def mark_started(self, queued: QueuedRun, grant: slots.Grant) -> None:
        """Note, here and in the queue's files, that a run holds slots."""
        runqueue.mark_started(self.home, queued.entry, grant)
        self.waiting.pop(queued.entry.name, None)
        self.started[queued.entry.name] = queued

    def tell(self, queued: QueuedRun, state: str, reason: str) -> None:
        """Journal where a run stands that waits, once; takes its lock."""
        if queued.told == (state, reason):
            return
        if not runlock.acquire(queued.run.lock):
            return
        last = RunRecord(queued.run.root).journaled_state()
        present = str(last.get("state"))
        if present == state and queued.told == ("", "") and last.get("reason") == reason:
            queued.told = (state, reason)
            return
        journal = records.JsonLines(queued.run.journal)
        try:
            now = time.time()
            if present == states.NOT_STARTED and state == states.QUEUED:
                journal.append({"t": now, "state": states.PREPARING, "reason": ""})
            journal.append({"t": now, "state": state, "reason": reason})
        finally:
            journal.close()
        queued.told = (state, reason)

    def cancel(self, queued: QueuedRun) -> None:
        """End a run that someone has canceled before it started."""
        if not runlock.acquire(queued.run.lock):
            return
        outcome = closing.Outcome()
        outcome.take_request(RunRecord(queued.run.root).cancel_request() or {})
        journal = records.JsonLines(queued.run.journal)
        try:
            closing.close(self.home, queued.run, journal, states.CANCELED, outcome)
        finally:
            journal.close()
        self.forget(queued)

    def forget(self, queued: QueuedRun) -> None:
        """Take a run out of the queue that has ended, or is gone."""
        runqueue.drop(self.home, queued.entry.name)
        self.waiting.pop(queued.entry.name, None)
        self.started.pop(queued.entry.name, None)
        queued.close()

    def supervise(self, queued: QueuedRun, in_vain: bool = False) -> None:
        """Start a supervisor for a run: a fork, or an interpreter with the runtime that the run began with.

        Args:
            queued: the run.
            in_vain: several have failed: end the run instead.
        """
        grant = queued.entry.grant
        if in_vain or self.is_mine(queued) or not os.path.isdir(queued.entry.runtime):
            pid = os.fork()
            if not pid:
                self.become_supervisor(queued, in_vain)
        else:
            arguments = [self.home.root, queued.run.root, queued.entry.name]
            if grant is not None:
                arguments.append(json.dumps(slots.to_json(grant)))
            argv, environment = starting.command("supervisor", queued.entry.runtime, sys.executable, *arguments)
            self.let_go(queued)
            pid = starting.spawn(argv, environment)
        queued.pid = pid
        queued.not_before = 0.0
        queued.told = ("", "")
        self.children[pid] = queued
        if not self.warm:
            self.warm = True
            _import_for_forks()

    def let_go(self, queued: QueuedRun) -> None:
        """Free the lock of a run for a supervisor that isn't a fork of this process."""
        if runlock.holder(queued.run.lock) == self.identity:
            runqueue.remove_file(queued.run.lock)

    def become_supervisor(self, queued: QueuedRun, in_vain: bool) -> None:
        """Turn this fork into the supervisor of a run, or into the process that gives it up; never returns."""
        code = 1
        try:
            self.waiter.close()
            processes.close_descriptors()
            os.setsid()
            waiter = watch.Waiter()
            if in_vain:
                code = givingup.give_up(self.home, queued.run, queued.entry.name, instead_of=self.identity)
            else:
                processes.become_subreaper()
                name, grant = queued.entry.name, queued.entry.grant
                code = supervisor.supervise(self.home, queued.run.root, name, grant, waiter, instead_of=self.identity)
        except Exception as error:
            queued.complain("it can't be given up: %s: %s" % (type(error).__name__, error))
        finally:
            os._exit(code)


def _import_for_forks() -> None:
    """Import what every supervisor needs, once the first one has been forked: the others find it there."""
    from turnout.runtime import building, launching, placement  # noqa: F401
    from turnout.runtime.builders import remembered, store  # noqa: F401
    from turnout.runtime.launchers import python  # noqa: F401


def main(arguments: List[str]) -> int:
    """Run as a process of its own: `HOME`. Returns 0 also when another dispatcher works there."""
    import gc

    gc.disable()  # a collection in a fork would copy all of this process's memory, and there is no garbage to speak of
    import ctypes  # noqa: F401 - once, here: every supervisor and keeper needs it, and they are forks of this process

    os.chdir("/")
    cgroups.leave()
    processes.close_descriptors()
    home = layout.Home(arguments[0])
    queue = home.queue_here
    waiter = watch.Waiter()
    for directory in (home.queue, queue.root, queue.waiting, queue.started):
        os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
    dispatcher: Optional[Dispatcher] = None
    while True:
        lock = _acquire(queue, waiter)
        if lock is None:
            return 0
        dispatcher = dispatcher or Dispatcher(home, waiter)
        try:
            dispatcher.serve()
        finally:
            _release(lock)
        # Whoever saw this process's name has woken it before, or has written an entry that is there now.
        woken = signal.SIGUSR1 in waiter.wait(time.monotonic())
        if waiter.terminated or not (woken or runqueue.names(queue.waiting)):
            return 0


def _acquire(queue: layout.QueueLayout, waiter: watch.Waiter) -> Optional[int]:
    """Take the dispatcher's lock and write this process's name into it; None when another process dispatches."""
    descriptor = os.open(queue.dispatcher, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    free = False
    for _ in range(_TRIES):
        try:
            filelocks.lock(descriptor, queue.dispatcher, wait=False)
            free = True
            break
        except BlockingIOError:
            if _is_other(queue):
                break
            time.sleep(0.001)  # its last act is to let the lock go
    if not free or _is_other(queue):
        os.close(descriptor)
        return None
    name = json.dumps(processes.identity()).encode("utf-8")
    while True:
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, name, 0)
            return descriptor
        except OSError as error:
            if error.errno not in records.DISK_FULL or waiter.terminated:
                raise
            waiter.wait(time.monotonic() + _ROOM_SECONDS)  # for room on the disk


def _is_other(queue: layout.QueueLayout) -> bool:
    holder = dispatching.dispatcher(queue)
    return holder is not None and holder != processes.identity() and processes.state(holder) == processes.ALIVE


def _release(lock: int) -> None:
    """Take the name away, then let the lock go: see `dispatching.wake`."""
    os.ftruncate(lock, 0)
    filelocks.unlock(lock)
    os.close(lock)
