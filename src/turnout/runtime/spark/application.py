"""What is known of the application of a run: told by its driver and its cluster, kept in the record, and said in lines. Pure."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

_DONE = "SUCCEEDED"
_FAILED = "FAILED"


class Application:
    """The state of a run's application; a script that makes several has the last one here.

    Attributes:
        value: what `application.json` has: `id`, `master`, `page` (the driver's web page while it lives), `state`
            (the cluster's word), `waiting` (what for), `executors` (`now`, `ever`, `lost`: a list of id, host and reason),
            `jobs`, `stages`, `tasks` (each `done`, `failed` and `known`), `earlier`, the ids of those before, and `told`:
            the executors and jobs of which a line was said.

    Args:
        master: the cluster's master.
        known: what an earlier companion has kept; None to begin anew.
    """

    def __init__(self, master: str, known: Optional[Dict[str, Any]] = None) -> None:
        self.value: Dict[str, Any] = known or {"kind": "spark", "master": master, "id": None}

    def begin(self, identity: str, page: str) -> List[str]:
        """Take that there is an application; return lines that say so when it is a new one."""
        if self.value.get("id") == identity:
            self.value["page"] = page
            return []
        earlier = list(self.value.get("earlier") or [])
        if self.value.get("id"):
            earlier.append(self.value["id"])
        self.value.update(id=identity, page=page, state=None, waiting="")
        self.value.update(executors={"now": 0, "ever": 0, "lost": []}, earlier=earlier)
        self.value.update(told={"executors": [], "jobs": []})
        return ["application %s at %s" % (identity, page)]

    def take_executors(self, executors: List[Dict[str, Any]]) -> List[str]:
        """Take the driver's list of executors; return a line for each that came or was lost."""
        lines = []
        known = self.value.setdefault("executors", {"now": 0, "ever": 0, "lost": []})
        lost = {str(each["id"]) for each in known["lost"]}
        told = self.value.setdefault("told", {"executors": [], "jobs": []})
        met = set(told["executors"])
        for each in sorted(executors, key=lambda each: str(each.get("addTime"))):
            identity, where = str(each.get("id")), str(each.get("hostPort") or "")
            if identity not in met and identity not in lost:
                lines.append("executor %s on %s with %s cores" % (identity, where, each.get("totalCores")))
            met.add(identity)
            if not each.get("isActive") and identity not in lost:
                reason = " ".join(str(each.get("removeReason") or "no reason given").split())
                known["lost"].append({"id": identity, "host": where, "reason": reason[:300]})
                lines.append("executor %s on %s is lost: %s" % (identity, where, reason))
        told["executors"] = sorted(met)
        known["now"] = sum(1 for each in executors if each.get("isActive"))
        known["ever"] = max(int(known.get("ever") or 0), len(executors))
        return lines

    def take_jobs(self, jobs: List[Dict[str, Any]]) -> List[str]:
        """Take the driver's list of jobs; return a line for each that has ended."""
        lines = []
        told = self.value.setdefault("told", {"executors": [], "jobs": []})
        ended = set(told["jobs"])
        for job in sorted(jobs, key=lambda each: int(each.get("jobId") or 0)):
            identity, status = job.get("jobId"), job.get("status")
            if status in (_DONE, _FAILED) and identity not in ended:
                ended.add(identity)
                word = "done" if status == _DONE else "failed"
                lines.append(
                    "job %s (%s) %s: %d stages, %d tasks"
                    % (identity, job.get("name"), word, len(job.get("stageIds") or []), int(job.get("numTasks") or 0))
                )
        # A driver forgets its oldest jobs, and so do we.
        told["jobs"] = sorted(ended.intersection(job.get("jobId") for job in jobs))
        self.value["jobs"] = {
            "done": sum(1 for job in jobs if job.get("status") == _DONE),
            "failed": sum(1 for job in jobs if job.get("status") == _FAILED),
            "known": len(jobs),
        }
        for name, done, failed in (
            ("stages", ("numCompletedStages", "numSkippedStages"), "numFailedStages"),
            ("tasks", ("numCompletedTasks", "numSkippedTasks"), "numFailedTasks"),
        ):
            self.value[name] = {
                "done": sum(int(job.get(member) or 0) for job in jobs for member in done),
                "failed": sum(int(job.get(failed) or 0) for job in jobs),
                "known": sum(_known(job, name) for job in jobs),
            }
        return lines

    def is_stuck(self, jobs: List[Dict[str, Any]]) -> bool:
        """Say whether a job waits and there is no executor to do it."""
        return not self.value.get("executors", {}).get("now") and any(job.get("status") == "RUNNING" for job in jobs)

    def wait(self, reason: str) -> List[str]:
        """Take what the application waits for, an empty string for nothing; return a line when that is new."""
        if reason == self.value.get("waiting", ""):
            return []
        self.value["waiting"] = reason
        return ["waits: " + reason] if reason else ["waits no more"]

    def end(self, state: str) -> List[str]:
        """Take that the driver is gone; return a line with the cluster's last word."""
        self.value.update(page=None, waiting="", state=state or None)
        self.value.setdefault("executors", {})["now"] = 0
        if not self.value.get("id"):
            return []
        return ["application %s has ended%s" % (self.value["id"], ", %s to its cluster" % state if state else "")]


def line(text: str) -> str:
    """Return a line of the cluster's log."""
    return "%s %s\n" % (time.strftime("%H:%M:%S"), text)


def _known(job: Dict[str, Any], name: str) -> int:
    return len(job.get("stageIds") or []) if name == "stages" else int(job.get("numTasks") or 0)
