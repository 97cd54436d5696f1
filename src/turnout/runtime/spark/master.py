"""A standalone cluster, as its master's page tells (`GET /json/`): what it has, what an application waits for, its end.

The page says FINISHED of an application whose driver failed, too: nothing about success is ever taken from here.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any, Dict, List, Mapping, Optional

from turnout.runtime.spark import http, ports, settings

PAGE_PORT = 8080
"""Where a master's page is unless someone has said otherwise (Spark's "Standalone Mode")."""

WAITING = "WAITING"
_ALIVE = "ALIVE"
_MEGA = 1 << 20
_PATIENCE = 3.0


class Master:
    """The master of a standalone cluster, or several that stand by for each other.

    Args:
        url: `spark://HOST:PORT[,HOST:PORT…]`.
        pages: where their pages are; by default port 8080 of each host.
    """

    def __init__(self, url: str, pages: Optional[List[str]] = None) -> None:
        self.url = url
        self._addresses = settings.addresses(url)
        hosts = ["[%s]" % host if ":" in host else host for host, _ in self._addresses]
        self.pages = [page.rstrip("/") for page in pages or ["http://%s:%d" % (host, PAGE_PORT) for host in hosts]]

    def trouble(self) -> str:
        """Return why no master can be reached, or an empty string."""
        said = ""
        for host, port in self._addresses:
            try:
                socket.create_connection((host, port), _PATIENCE).close()
                return ""
            except OSError as error:
                said = (error.strerror or str(error)).lower()
        return "%s can't be reached: %s" % (self.url, said)

    def state(self) -> Dict[str, Any]:
        """Return what the page of the master that is in charge says.

        Raises:
            http.NoAnswer: none of the pages can be had.
        """
        trouble: Optional[http.NoAnswer] = None
        last: Optional[Dict[str, Any]] = None
        for page in self.pages:
            try:
                found = http.get(page + "/json/")
            except http.NoAnswer as error:
                trouble = error
                continue
            if isinstance(found, dict):
                last = {**found, "page": page}
                if found.get("status") == _ALIVE:
                    return last
        if last is None:
            raise trouble or http.NoAnswer("%s has no page" % self.url)
        return last

    def end(self, application: str, patience: float = 5.0) -> str:
        """See to it that an application whose driver is gone is gone here, too.

        A master drops an application when its driver's connection ends; one that still has it after `patience` seconds is
        asked to end it (the page's "kill").

        Returns:
            What the page calls its state, or an empty string when that can't be known.
        """
        deadline = time.monotonic() + patience
        asked = False
        while True:
            try:
                state = self.state()
            except http.NoAnswer:
                return ""
            ended = named(state.get("completedapps"), application)
            if ended is not None:
                return str(ended.get("state") or "")
            if named(state.get("activeapps"), application) is None:
                return ""
            if time.monotonic() >= deadline:
                if asked:
                    return str((named(state.get("activeapps"), application) or {}).get("state") or "")
                asked, deadline = True, time.monotonic() + patience
                try:
                    http.post("%s/app/kill/?id=%s&terminate=true" % (state["page"], application))
                except http.NoAnswer:
                    return ""
            time.sleep(0.05)  # a page sends no event


def named(applications: Any, application: str) -> Optional[Dict[str, Any]]:
    """Return the entry of an application in one of the page's lists."""
    for each in applications if isinstance(applications, list) else []:
        if isinstance(each, dict) and each.get("id") == application:
            return each
    return None


def workers(state: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Return the workers that live."""
    found = state.get("workers")
    return (
        [each for each in found if isinstance(each, dict) and each.get("state") == _ALIVE]
        if isinstance(found, list)
        else []
    )


def hindrance(state: Mapping[str, Any], asked_bytes: int, asked_cores: int) -> str:
    """Return why an application that asks for such executors would get none now, or an empty string. Pure.

    Args:
        state: what the master's page says.
        asked_bytes: memory of one executor.
        asked_cores: processors of one executor.
    """
    if state.get("status") != _ALIVE:
        return "the master at %s is %s" % (state.get("url") or state.get("page"), str(state.get("status")).lower())
    living = workers(state)
    if not living:
        return "no worker is registered at %s" % state.get("url")
    asked = asked_bytes // _MEGA
    most = max(int(each.get("memory") or 0) for each in living)
    if asked > most:
        return "an executor asks for %s of memory (spark.executor.memory), and the largest worker has %s" % (
            _size(asked),
            _size(most),
        )
    cores = max(int(each.get("cores") or 0) for each in living)
    if asked_cores > cores:
        return "an executor asks for %d processors (spark.executor.cores), and the largest worker has %d" % (
            asked_cores,
            cores,
        )
    if any(_free(each, "memory") >= asked and _free(each, "cores") >= asked_cores for each in living):
        return ""
    running = len(state.get("activeapps") or [])
    reason = "no worker has %s of memory and %d processor%s free for an executor" % (
        _size(asked),
        asked_cores,
        "s" * (asked_cores != 1),
    )
    if not running:
        return reason
    return "%s; %d application%s" % (reason, running, " uses them" if running == 1 else "s use them")


def _free(worker: Mapping[str, Any], what: str) -> int:
    return int(worker.get(what + "free") or 0)


def _size(mega: int) -> str:
    return "%g GB" % round(mega / 1024, 1) if mega >= 1024 else "%d MB" % mega


def sees_this_home(state: Mapping[str, Any]) -> bool:
    """Say whether all workers are processes of this account on this machine, so that executors see the same files.

    The owner of the socket on which a worker listens is the account that it runs as.
    """
    living = workers(state)
    here = ports.own_addresses()
    owners = ports.listening()
    for each in living:
        if str(each.get("host")) not in here or owners.get(int(each.get("port") or 0)) != os.getuid():
            return False
    return bool(living)
