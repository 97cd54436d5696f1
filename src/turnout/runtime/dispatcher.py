"""Starts the runs of this machine's queue as slots come free: one process for all workspaces of a home.

It is started by whoever needs it, ends when nothing waits, and may be killed at any moment: what it knows is in the queue's
files and the runs' records, and the next one goes on from there. It takes the run lock of a run before it journals what
that waits for; a run that gets its slots is handed to a supervisor, which is a fork of this process: that costs a twentieth
of a new interpreter.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from typing import Dict, List, Optional

from turnout.runtime import (
    builders,
    cgroups,
    closing,
    dispatching,
    filelocks,
    keeper,
    layout,
    members,
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
from turnout.runtime.record import RunRecord

_TRIES = 50
"""How often a free lock that another process is just letting go is tried, a millisecond apart."""
_CRASH, _KILLED, _ENOUGH = 10, 1, 30
"""What an unexpected end of a run's supervisor counts, by its own error or by a signal, and where the run is given up."""
_CRASHES = 3
_PAUSE_SECONDS = 0.1
_GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL for the script of a run that is given up."""
_ROOM_SECONDS = 1.0
"""Between attempts on a full disk."""


class Job:
    """A run in the queue, as the dispatcher knows it.

    Attributes:
        entry: its entry.
        run: its record's files.
        ready: whether its environment is there.
        pid: its supervisor, when that is a child of the dispatcher.
        other: its supervisor, when that was started by someone else.
        trouble: how often its supervisor ended unexpectedly, weighted.
        not_before: monotonic time before which it is not tried again.
        key: of the environment that it needs.
        told: the state and reason that its journal says it waits for.
    """

    __slots__ = ("entry", "key", "not_before", "other", "pid", "ready", "run", "told", "trouble")

    def __init__(self, entry: runqueue.Entry) -> None:
        self.entry = entry
        self.run = layout.RunLayout(entry.directory)
        self.ready = False
        self.pid = 0
        self.other: Optional[watch.Process] = None
        self.trouble = 0
        self.not_before = 0.0
        self.key = ""
        self.told = ("", "")

    @property
    def supervised(self) -> bool:
        """Whether a supervisor is known to have the run."""
        return bool(self.pid) or self.other is not None


class Dispatcher:
    """Dispatches until nothing waits.

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
        self.waiting: Dict[str, Job] = {}
        self.started: Dict[str, Job] = {}
        self.children: Dict[int, Job] = {}
        self.warm = False
        self.builds = max(2, os.cpu_count() or 1)

    def serve(self) -> None:
        """Work until nothing waits."""
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
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.ENOMEM):
                    raise
                look = True  # no room on the disk, or for a process: once more in a while
                self.waiter.wait(time.monotonic() + _ROOM_SECONDS)
                continue
            pauses = [job.not_before for job in self.jobs() if job.not_before and not job.supervised]
            if not self.waiting and not pauses:
                return
            until = min(pauses) if pauses else None
            others = [job.other for job in self.started.values() if job.other is not None]
            signals = self.waiter.wait(until, others)
            now = time.monotonic()
            look = (
                signal.SIGUSR1 in signals
                or now - scanned >= watch.SAFETY_SECONDS
                or (until is not None and now >= until)
                or any(other.ended() for other in others)
            )

    def jobs(self) -> List[Job]:
        """Return all jobs."""
        return [*self.waiting.values(), *self.started.values()]

    def reap(self) -> bool:
        """Take note of the supervisors that have ended; return whether there were any."""
        ended = self.waiter.ended()
        for pid, status in ended.items():
            job = self.children.pop(pid, None)
            if job is not None:
                job.pid = 0
                self.after(job, status)
        return bool(ended)

    def after(self, job: Job, status: int) -> None:
        """Decide what follows the end of a run's supervisor."""
        state = self.state(job)
        if state is None or states.is_final(state):
            self.forget(job)
            return
        if status == 0 and job.entry.grant is None and state == states.QUEUED:
            job.ready = True  # prepared, as it should
            return
        if runlock.holder_state(job.run.lock) == processes.GONE:
            job.trouble += _CRASH if os.WIFEXITED(status) else _KILLED
            if job.trouble >= _ENOUGH:
                self.give_up(job)
                return
            if job.trouble > _KILLED:
                job.not_before = time.monotonic() + _PAUSE_SECONDS * job.trouble
        self.take_up(job)

    def state(self, job: Job) -> Optional[str]:
        """Return the last state in a run's journal; None when the run is not there any more."""
        if not os.path.exists(job.run.definition):
            return None
        return str(RunRecord(job.run.root).journaled_state().get("state"))

    def scan(self) -> None:
        """Read the queue anew, and what has become of the runs in it."""
        started = set(runqueue.names(self.queue.started))
        waiting = set(runqueue.names(self.queue.waiting)) - started
        for name in [name for name in self.waiting if name not in waiting and not self.waiting[name].pid]:
            del self.waiting[name]
        for name in [name for name in self.started if name not in started and not self.started[name].pid]:
            del self.started[name]
        for where, found, known in (
            (self.queue.started, started, self.started),
            (self.queue.waiting, waiting, self.waiting),
        ):
            for name in sorted(found - set(self.waiting) - set(self.started)):
                entry = runqueue.read(self.home, where, name)
                if entry is not None and not self.is_double(entry):
                    known[name] = Job(entry)
                    self.take_up(known[name])
        for job in self.jobs():
            if job.other is not None and job.other.ended():
                job.other = None
                self.take_up(job)
            elif job.entry.grant is None and not job.pid and os.path.exists(job.run.cancel):
                self.cancel(job)
            elif job.entry.grant is not None and not job.supervised:
                self.take_up(job)

    def is_double(self, entry: runqueue.Entry) -> bool:
        """Drop an entry of a run that has another one: a request that was repeated."""
        if all(job.entry.directory != entry.directory for job in self.jobs()):
            return False
        runqueue.drop(self.home, entry.name)
        return True

    def take_up(self, job: Job) -> None:
        """Find out where a run stands that has no supervisor here, and see to it."""
        state = self.state(job)
        if state is None or states.is_final(state):
            self.forget(job)
            return
        holder = runlock.holder(job.run.lock)
        if holder is not None and holder != self.identity:
            alive = processes.state(holder)
            if alive == processes.UNKNOWN:
                return  # nothing is concluded about another machine's process
            if alive == processes.ALIVE:
                job.other = watch.Process(holder["pid"], child=False, identity=holder)
                return
        if job.entry.grant is None and state in (states.STARTING, states.RUNNING, states.FINALIZING):
            # The entry was lost and made anew: what the run holds is in its record.
            grant = slots.from_json(RunRecord(job.run.root).placement().get("slots"))
            self.waiting.pop(job.entry.name, None)
            self.started[job.entry.name] = job
            runqueue.mark_started(self.home, job.entry, grant)
        if _size(job.run.crashes) >= _CRASHES:
            self.give_up(job)
        elif job.entry.grant is not None:
            if time.monotonic() >= job.not_before:
                job.not_before = 0.0
                self.supervise(job)
        elif os.path.exists(job.run.cancel):
            self.cancel(job)
        else:
            job.ready = self.is_mine(job) and self.is_built(job)

    def is_built(self, job: Job) -> bool:
        """Say whether a run's environment is there; notes its key."""
        try:
            environment = RunRecord(job.run.root).definition.get("environment") or {}
            job.key = str(environment.get("key") or "")
            return builders.find(environment, self.home) is not None
        except (OSError, ValueError, TypeError, AttributeError):
            return False  # a record that is damaged: its supervisor says how

    def prepare(self) -> None:
        """Start building the environments that are missing, one build a key, and not too many at once."""
        unready = [job for job in self.waiting.values() if not job.ready and job.other is None]
        building = {job.key: job for job in unready if job.pid}
        for job in sorted(unready, key=lambda one: one.entry.order):
            if job.pid or time.monotonic() < job.not_before:
                continue
            other = building.get(job.key) if job.key else None
            if other is not None:
                self.tell(job, states.PREPARING, "run %s builds the same environment, %s" % (other.run.run_id, job.key))
            elif self.is_mine(job) and self.is_built(job):
                job.ready = True  # built meanwhile
            elif len(building) < self.builds:
                self.supervise(job)
                building[job.key or job.entry.name] = job
            else:
                self.tell(job, states.PREPARING, "waiting for %d other environments to be built" % len(building))

    def is_mine(self, job: Job) -> bool:
        """Say whether a run began with the runtime that this process is of; else its own must look after it."""
        return job.entry.runtime == self.runtime

    def start(self) -> None:
        """Give the free slots to the runs whose turn it is."""
        ready = [job for job in self.waiting.values() if job.ready and not job.supervised]
        if not ready:
            return
        ready.sort(key=lambda job: job.entry.order)
        in_use = [job.entry.grant for job in self.started.values() if job.entry.grant is not None]
        grants = slots.choose(((job.entry.name, job.entry.demand) for job in ready), slots.offered(self.queue), in_use)
        for job in ready:
            grant = grants.get(job.entry.name)
            if grant is None:
                if job.told[0] != states.QUEUED:
                    self.tell(job, states.QUEUED, "waiting for %s" % slots.spoken(job.entry.demand))
            elif time.monotonic() >= job.not_before:
                runqueue.mark_started(self.home, job.entry, grant)
                del self.waiting[job.entry.name]
                self.started[job.entry.name] = job
                self.supervise(job)

    def tell(self, job: Job, state: str, reason: str) -> None:
        """Journal where a run stands that waits, once; takes its lock."""
        if job.told == (state, reason):
            return
        if not runlock.acquire(job.run.lock):
            return
        last = RunRecord(job.run.root).journaled_state()
        present = str(last.get("state"))
        if present == state and job.told == ("", "") and last.get("reason") == reason:
            job.told = (state, reason)
            return
        journal = records.JsonLines(job.run.journal)
        try:
            now = time.time()
            if present == states.NOT_STARTED and state == states.QUEUED:
                journal.append({"t": now, "state": states.PREPARING, "reason": ""})
            journal.append({"t": now, "state": state, "reason": reason})
        finally:
            journal.close()
        job.told = (state, reason)

    def cancel(self, job: Job) -> None:
        """End a run that someone has canceled before it started."""
        if not runlock.acquire(job.run.lock):
            return
        record = RunRecord(job.run.root)
        outcome = closing.Outcome()
        outcome.take_request(record.cancel_request() or {})
        self.close(job, states.CANCELED, outcome)

    def give_up(self, job: Job) -> None:
        """End a run whose supervisor fails again and again."""
        if not runlock.acquire(job.run.lock):
            return
        outcome = closing.Outcome()
        if not keeper.claim(job.run):
            outcome.leftovers = members.Members(job.run, lambda: set(self.children)).end(_GRACE_SECONDS)
        outcome.reason = "its supervisor failed again and again: see system_logs/supervisor.log"
        self.close(job, states.FAILED, outcome)

    def close(self, job: Job, state: str, outcome: closing.Outcome) -> None:
        """Write the end of a run whose lock this process has."""
        journal = records.JsonLines(job.run.journal)
        try:
            closing.close(self.home, job.run, journal, state, outcome)
        finally:
            journal.close()
        self.forget(job)

    def forget(self, job: Job) -> None:
        """Take a run out of the queue that has ended, or is gone."""
        runqueue.drop(self.home, job.entry.name)
        self.waiting.pop(job.entry.name, None)
        self.started.pop(job.entry.name, None)

    def supervise(self, job: Job) -> None:
        """Start a supervisor for a run: a fork, or an interpreter with the runtime that the run began with."""
        grant = job.entry.grant
        if job.entry.runtime == self.runtime or not os.path.isdir(job.entry.runtime):
            pid = os.fork()
            if not pid:
                self.become_supervisor(job)
        else:
            arguments = [self.home.root, job.run.root, job.entry.name]
            if grant is not None:
                arguments.append(json.dumps(slots.to_json(grant)))
            argv, environment = starting.command("supervisor", job.entry.runtime, sys.executable, *arguments)
            self.let_go(job)
            pid = starting.spawn(argv, environment)
        job.pid = pid
        job.told = ("", "")
        self.children[pid] = job
        if not self.warm:
            self.warm = True
            _import_for_forks()

    def let_go(self, job: Job) -> None:
        """Free the lock of a run for a supervisor that isn't a fork of this process."""
        if runlock.holder(job.run.lock) == self.identity:
            runqueue.remove_file(job.run.lock)

    def become_supervisor(self, job: Job) -> None:
        """Turn this fork into the supervisor of a run; never returns."""
        code = 1
        try:
            self.waiter.close()
            processes.close_descriptors()
            os.setsid()
            waiter = watch.Waiter()
            processes.become_subreaper()
            code = supervisor.supervise(
                self.home, job.run.root, job.entry.name, job.entry.grant, waiter, instead_of=self.identity
            )
        finally:
            os._exit(code)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _import_for_forks() -> None:
    """Import what every supervisor needs, once the first one has been forked: the others find it there."""
    from turnout.runtime import building, launchers, placement  # noqa: F401
    from turnout.runtime.builders import inspection, store  # noqa: F401
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
        lock = _acquire(queue)
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


def _acquire(queue: layout.QueueLayout) -> Optional[int]:
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
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(processes.identity()).encode("utf-8"), 0)
    return descriptor


def _is_other(queue: layout.QueueLayout) -> bool:
    holder = dispatching.dispatcher(queue)
    return holder is not None and holder != processes.identity() and processes.state(holder) == processes.ALIVE


def _release(lock: int) -> None:
    """Take the name away, then let the lock go: see `dispatching.wake`."""
    os.ftruncate(lock, 0)
    filelocks.unlock(lock)
    os.close(lock)
