"""Carries one run from its environment to its end: builds that, starts the script, watches, ends and closes it.

It follows the orders of `states.advance` and is the only one that writes the journal while it lives. It can be started again
at any moment: the record says where the run stands, and a script that still lives is adopted, not started twice.

Without slots it only prepares: it finds or builds the environment, and ends when the run is Queued.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Optional, Set

from turnout.runtime import (
    checkout,
    closing,
    controlling,
    dispatching,
    elsewhere,
    handed,
    inputs,
    keeper,
    layout,
    markers,
    members,
    processes,
    records,
    redaction,
    runqueue,
    slots,
    states,
    watch,
)
from turnout.runtime.builders.contract import Built
from turnout.runtime.containers.states import CREATED, EXITED, RUNNING, UNKNOWN
from turnout.runtime.record import RunRecord

if TYPE_CHECKING:
    from turnout.runtime.containers.container import Container

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL when a script is to end."""

_LEFTOVERS_GRACE_SECONDS = 2.0
_LAUNCHES = 5
_GATHER_SECONDS = 1.0
"""After which a run is worth a cgroup."""
_ROOM_SECONDS = 1.0
"""Between questions to a cluster that has no room, or doesn't answer."""
_ENGINE_SECONDS = 1.0
"""Between questions to a container engine that doesn't answer."""


class Supervisor:
    """One run from its environment to its end.

    Args:
        home: this machine's home.
        run: the run.
        waiter: where to sleep.
        grant: the run's slots; None to prepare it only.
    """

    def __init__(
        self, home: layout.Home, run: layout.RunLayout, waiter: watch.Waiter, grant: Optional[slots.Grant]
    ) -> None:
        self.home = home
        self.run = run
        self.record = RunRecord(run.root)
        self.definition = self.record.definition
        self.journal = records.JsonLines(run.journal)
        self.waiter = waiter
        self.grant = grant
        self.reason = ""
        self.outcome = closing.Outcome()
        self.built: Optional[Built] = None
        self.built_again = False
        self.script: Optional[watch.Process] = None
        self.keeper = 0
        self.launches = 0
        self.followers: Set[int] = set()
        self.inspection: Any = None
        self.elsewhere = elsewhere.Elsewhere(home, run, self.definition, self.journal)
        self.restarts = controlling.Restarts() if controlling.is_controlled(self.definition) else None
        self.members = members.Members(run, self.own_children)
        self.gathered = os.path.exists(run.cgroup)
        self.gather_at = time.monotonic() + _GATHER_SECONDS
        self._looked = time.monotonic()

    def supervise(self) -> None:
        """Carry the run to its end, from wherever it stands; a run without slots until it is Queued."""
        state = str(self.record.journaled_state().get("state"))
        if states.is_final(state):
            markers.mark_changed(self.run)  # the last thing that an earlier supervisor had to do
            return
        event = states.SUPERVISED
        while True:
            following, order = states.advance(state, event)
            if order == states.ADMIT and self.grant is None:
                self.reason = "waiting for %s" % slots.spoken(slots.demand(self.definition.get("resources")))
            if following != state:
                state = following
                if order != states.CLOSE:
                    self.transition(state)
            if order == states.CLOSE:
                self.elsewhere.leave(self.outcome)
                closing.close(self.home, self.run, self.journal, state, self.outcome)
                return
            if order == states.COLLECT:
                self.collect()
                final = states.final_state(self.outcome.exit_code, self.outcome.cancelled, self.outcome.timed_out)
                closing.close(self.home, self.run, self.journal, final, self.outcome)
                return
            if order == states.ADMIT and self.grant is None and not self.cancelled():
                return
            event = self.carry_out(order)

    def carry_out(self, order: str) -> str:
        """Do what a state orders and return the event that came of it."""
        if order == states.BUILD:
            return self.build()
        if order == states.ADMIT:
            return self.cancelled() or self.wait_for_room()
        if order == states.LAUNCH:
            return self.launch()
        if order == states.WATCH:
            return self.watch_script()
        return self.terminate()

    def transition(self, state: str) -> None:
        """Journal that the run is in `state` now, and why."""
        self.journal.append({"t": time.time(), "state": state, "reason": self.reason})
        self.reason = ""

    def cancelled(self) -> str:
        """Return the cancel event when someone has asked for the end, else an empty string."""
        request = self.record.cancel_request()
        if request is None and self.waiter.terminated:
            request = {"by": "SIGTERM to the supervisor"}
        if request is None:
            return ""
        self.outcome.take_request(request)
        return states.CANCEL

    def wait_for_room(self) -> str:
        """Wait until nothing elsewhere speaks against a start; return the event that ends it."""
        while not self.elsewhere.has_room():
            self.rest(time.monotonic() + _ROOM_SECONDS)
            if self.cancelled():
                return states.CANCEL
        return states.ADMITTED

    def build(self) -> str:
        """Find or build the environment; a build runs in a process group of its own, so that it can be ended."""
        from turnout.runtime import builders, building

        if self.cancelled():
            return states.CANCEL
        environment = self.definition.get("environment") or {}
        built = builders.find(environment, self.home)
        if built is None:
            try:
                given = self.inherited()
            except handed.HandedOverGone as error:
                self.outcome.reason = "could not build the environment: %s" % error
                return states.BUILD_FAILED
            state = str(self.record.journaled_state().get("state"))
            reason = "building environment %s" % environment.get("key")
            self.journal.append({"t": time.time(), "state": state, "reason": reason})
            build = building.Build(environment, self.home, self.run, given)
            while not build.ended(self.waiter):
                if self.cancelled():
                    build.end(self.waiter)
                    return states.CANCEL
                self.rest()
            self.outcome.reason = build.failure()
            if self.outcome.reason:
                return states.BUILD_FAILED
            built = builders.find(environment, self.home)
            if built is None:
                self.outcome.reason = (
                    "the environment's builder ended without an environment; see system_logs/environment.log"
                )
                return states.BUILD_FAILED
        self.use(built)
        return states.BUILT

    def use(self, built: Built) -> None:
        """Take a built environment, and put what is in it into the record."""
        self.built = built
        if built.facts is not None:
            records.write_json(self.run.environment, built.facts)

    def launch(self) -> str:
        """Start the script, unless an earlier supervisor has.

        A run that ends without having begun is claimed first: a keeper of an earlier supervisor's may be about to start
        the script just now.
        """
        if os.path.exists(self.run.process):
            return states.LAUNCHED
        event = self.try_to_launch()
        if event != states.LAUNCHED and not keeper.claim(self.run):
            self.outcome.reason = ""
            return states.LAUNCHED
        return event

    def try_to_launch(self) -> str:
        """Copy the snapshot out and start the script."""
        from turnout.runtime import launching, placement

        begun = os.path.exists(self.run.placement)
        if self.cancelled() and not (self.restarts and begun):  # a controller that begins again ends its trials first
            return states.CANCEL
        if self.built is None:  # a supervisor that took over: the environment may have gone meanwhile
            event = self.build()
            if event != states.BUILT:
                return event
        assert self.grant is not None
        assert self.built is not None
        try:
            if self.restarts is None:
                closing.check_out(self.home, self.run, self.definition)
                if self.cancelled():  # a large snapshot takes a while
                    return states.CANCEL
            else:
                os.makedirs(self.run.code, layout.DIRECTORY_MODE, exist_ok=True)
                self.restarts.begun()
            given = self.inherited()
            self.outcome.hide = redaction.redactor(given.secrets.values())
            launch = launching.prepare(self.home, self.run, self.definition, self.built, self.grant, given)
            records.write_json(self.run.placement, placement.facts(self.home, self.grant))
            log = os.open(self.run.script_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, layout.FILE_MODE)
            try:
                # A controller that begins again needs it once more, and its trials each get theirs.
                handed_over = None if self.restarts else handed.path(self.home, self.definition)
                self.keeper, pipe = keeper.start(
                    self.run, launch.argv, launch.variables, log, handed_over, launch.stdin
                )
            finally:
                launch.close()
                os.close(log)
        except launching.ImageGone as gone:
            return self.build_again(gone)
        except (OSError, ValueError, closing.CheckoutFailedError, launching.LaunchError) as error:
            if (
                getattr(error, "errno", None) in records.DISK_FULL
                or getattr(error.__cause__, "errno", None) in records.DISK_FULL
            ):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.run.root) from error
            self.outcome.reason = "could not start the script: %s" % error
            return states.LAUNCH_FAILED
        self.script = watch.Process(self.keeper, child=True, pipe=pipe)
        return states.LAUNCHED

    def build_again(self, gone: Exception) -> str:
        """Build an environment whose image someone has removed from the engine, and start; once."""
        from turnout.runtime.builders import store

        if self.built_again:
            self.outcome.reason = "could not start the script: %s" % gone
            return states.LAUNCH_FAILED
        self.built_again = True
        self.built = None
        store.discard(self.definition.get("environment") or {}, self.home)
        return self.try_to_launch()

    def inherited(self) -> handed.Handed:
        """Return what the submitter handed over; see `handed.read`."""
        return handed.read(self.home, self.run)

    def watch_script(self) -> str:
        """Wait for the end of the script, a cancel request, or the time limit."""
        if self.script is None and not self.adopt():
            return self.ended()
        limit = (self.definition.get("configuration") or {}).get("maxRunDurationSeconds")
        deadline = self.deadline(float(limit)) if limit else None
        while self.script is not None and not self.script.ended():
            if self.cancelled():
                return states.CANCEL
            if deadline is not None and time.monotonic() >= deadline:
                request = {"by": "the time limit of %s s" % limit, "time_limit": True, "t": time.time()}
                records.create_json(self.run.cancel, request)  # a file, so that whoever takes over knows why
                self.cancelled()
                return states.TIME_LIMIT
            self.inspect()
            self.elsewhere.look(self.members.script())
            self.rest(self.next_step(deadline), self.script)
        return self.ended()

    def ended(self) -> str:
        """Return what came of a script that isn't there any more: its end, or, of a controller, another beginning."""
        event = self.read_exit()
        if self.restarts is None or event not in (states.ENDED, states.LOST):
            return event
        reason = self.restarts.reason(self.outcome)
        if not reason:
            self.outcome.reason = controlling.reported(self.run) or self.outcome.reason
            return event
        self.begin_again(reason)
        return states.AGAIN

    def begin_again(self, reason: str) -> None:
        """Make room for another start of a controller."""
        assert self.restarts is not None
        self.journal.append({"t": time.time(), "state": states.RUNNING, "reason": reason})
        self.members.end(_LEFTOVERS_GRACE_SECONDS)
        self.members.forget()
        until = self.restarts.pause()
        while until is not None and time.monotonic() < until and not self.cancelled():
            self.rest(until)
        self.outcome, self.script = closing.Outcome(), None
        self.gathered, self.gather_at = False, time.monotonic() + _GATHER_SECONDS
        for path in (self.run.exit, self.run.process):
            runqueue.remove_file(path)

    def next_step(self, deadline: Optional[float]) -> Optional[float]:
        """Return when to wake, after having put a run that has lasted for a while into its cgroup."""
        if self.gathered:
            return deadline
        if time.monotonic() >= self.gather_at:
            self.gathered = True
            self.members.gather()
            return deadline
        return self.gather_at if deadline is None else min(deadline, self.gather_at)

    def rest(self, until: Optional[float] = None, script: Optional[watch.Process] = None) -> None:
        """Sleep until something happens; whoever is woken, or wakes, sees to it that the queue moves on."""
        signals = self.waiter.wait(until, [] if script is None else [script])
        now = time.monotonic()
        if signal.SIGUSR1 in signals or now - self._looked >= watch.SAFETY_SECONDS:
            self._looked = now
            dispatching.move_on(self.home, asked=signal.SIGUSR1 in signals)

    def deadline(self, limit: float) -> float:
        """Return the monotonic time at which a limit in seconds is over, whoever started the script."""
        script = self.members.script()
        return time.monotonic() + limit - (processes.running_seconds(script) if script else 0.0)

    def inspect(self) -> None:
        """Ask an interpreter that wasn't built here what is in it, beside the script."""
        if self.inspection is None and self.built is not None and self.built.facts is None:
            from turnout.runtime.builders import remembered

            self.inspection = remembered.Question(self.home, self.built.interpreter)

    def own_children(self) -> "set[int]":
        """Return the pids of children that aren't the run's."""
        beside = (self.inspection, self.elsewhere)
        return self.followers | {each.pid for each in beside if each is not None and each.pid}

    def adopt(self) -> bool:
        """Find the script that lives; return False when it is gone."""
        script = self.members.script()
        if script is None or processes.state(script) != processes.ALIVE:
            return False
        self.script = watch.Process(script["pid"], child=False, identity=script)
        return True

    def read_exit(self) -> str:
        """Read how the script's process ended, as its keeper wrote it, or its container."""
        contained = self.members.container()
        if contained is not None and self.members.script() is not None:
            return self.read_exit_of(contained)
        while True:
            try:
                facts = records.read_json(self.run.exit)
                break
            except (OSError, ValueError):
                pass
            # What follows is for a keeper that was killed, or that waits for room on the disk.
            script = self.members.script()
            if script is None:
                return self.launch_again()
            if script["pid"] == 0:  # an earlier supervisor saw to it that no script begins, and was killed
                given_up = "it was given up before its script began: see system_logs/supervisor.log"
                return states.WITHDRAWN if self.cancelled() else self.lost(given_up)
            keeper_lives = processes.state(script.get("keeper") or {}) == processes.ALIVE
            status = self.waiter.status(script["pid"])  # an orphan of a killed keeper's is this process's child
            if status is not None:
                keeper.write_exit(self.run, keeper.facts(status, None, None, alone=False))
            elif processes.state(script) == processes.ALIVE:
                if self.script is None or self.script.ended():
                    self.adopt()
                return states.SUPERVISED
            elif keeper_lives:
                self.rest(time.monotonic() + 0.02)  # it writes within milliseconds
            elif not os.path.exists(self.run.exit):
                return self.lost(
                    "the script's process is gone and left no exit code: its keeper was killed too, or the machine stopped"
                )
        self.outcome.take_exit(facts)
        return states.ENDED

    def read_exit_of(self, contained: Container) -> str:
        """Read how the script ended from its container: the process that the keeper saw only showed its output."""
        if self.adopt():
            return states.SUPERVISED
        state = contained.state()
        if state == UNKNOWN:
            self.rest(time.monotonic() + _ENGINE_SECONDS)  # an engine that is silent has said nothing about the script
        elif state == RUNNING or (state == EXITED and not self.followers and self.is_client_lost()):
            pid = contained.follow(self.run.script_log)
            self.followers.add(pid)
            self.script = watch.Process(pid, child=False, identity=processes.identity(pid))
        elif state == EXITED or contained.has_ended():
            facts = contained.facts()
            keeper.write_exit(self.run, facts)
            self.outcome.take_exit(facts)
            return states.ENDED
        elif os.path.exists(self.run.exit):
            self.outcome.take_exit(records.read_json(self.run.exit))
            if state == CREATED:
                self.outcome.reason = "the container could not be started: %s" % closing.last_line(self.run.script_log)
            return states.ENDED
        else:
            return self.lost("the script's container is gone and left no exit code: someone removed it")
        return states.SUPERVISED

    def is_client_lost(self) -> bool:
        """Say whether the process that showed a container's output was killed, and may have left some of it out."""
        try:
            facts = records.read_json(self.run.exit)
            return facts.get("signal") is not None and "left" not in facts  # else it is the container's own end
        except (OSError, ValueError, AttributeError):
            return True

    def launch_again(self) -> str:
        """Start the script that no process has claimed yet: whoever was to become it was killed first.

        Should it live after all, one of the two gets the claim and the other ends.
        """
        self.launches += 1
        if self.launches > _LAUNCHES or os.path.exists(self.run.process):
            return self.lost("it could not be started: see system_logs/supervisor.log")
        event = self.launch()
        if event == states.CANCEL:
            return states.WITHDRAWN
        return states.SUPERVISED if event == states.LAUNCHED else self.lost(self.outcome.reason)

    def lost(self, reason: str) -> str:
        """End what is left of a script that is gone without a trace, and return that event."""
        self.outcome.reason = reason
        self.outcome.leftovers = self.members.end(_LEFTOVERS_GRACE_SECONDS)
        self.members.forget()
        return states.LOST

    def terminate(self) -> str:
        """End the script: SIGTERM to its process group, a grace period, SIGKILL to all that the run has.

        One that has not begun yet, since its process is about to become it just now, never begins.
        """
        assert self.script is not None
        if self.restarts is not None:
            self.await_controller()
            if self.script.ended():
                return self.ended()
        if keeper.claim(self.run):
            return states.WITHDRAWN
        self.members.signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while not self.script.ended():
            if time.monotonic() >= deadline:
                self.members.kill()
                deadline = time.monotonic() + 0.2
            self.rest(deadline, self.script)
        return self.read_exit()

    def await_controller(self) -> None:
        """Give a controller, which looks at the request to cancel itself, the time to end its trials."""
        assert self.script is not None
        controlling.wake(self.run)
        deadline = time.monotonic() + controlling.GRACE_SECONDS
        while not self.script.ended() and time.monotonic() < deadline:
            self.rest(deadline, self.script)

    def collect(self) -> None:
        """End what the script left running and tidy its working directory."""
        while not self.outcome.ended and self.read_exit() == states.SUPERVISED:
            self.rest(script=self.script)  # a supervisor that took over in Finalizing
        if not self.outcome.alone:
            self.outcome.leftovers = self.members.end(_LEFTOVERS_GRACE_SECONDS)
        self.members.forget()
        self.elsewhere.leave(self.outcome)
        request = self.record.cancel_request()
        if request is not None and records.moment(request.get("t")) <= self.outcome.ended:
            self.outcome.take_request(request)
        if self.inspection is not None and self.built is not None:
            closing.keep_inspection(self.run, self.definition, self.built.interpreter, self.inspection)
        inputs.collect(self.run, self.definition)
        checkout.remove_unchanged(self.run.code, self.run.checkout)
