"""What `turnout target add`, `update` and `check` say of a Spark cluster."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli import common, text


def options(command: Any) -> Any:
    """Add the options that describe a Spark cluster."""
    for option in (
        click.option(
            "--shared-home/--no-shared-home", default=None, help="Its machines see Turnout's home, under the same path."
        ),
        click.option(
            "--conf", "settings", multiple=True, metavar="K=V", help="A setting of Spark's for every run on it."
        ),
        click.option(
            "--spark-page",
            "pages",
            multiple=True,
            metavar="URL",
            help="The master's web page (default: port 8080 of its host).",
        ),
        click.option("--spark-home", metavar="DIR", help="Spark's directory (default: found)."),
        click.option(
            "--spark-master", metavar="URL", help="A Spark cluster: spark://HOST:PORT, yarn, k8s://…, or local[*]."
        ),
    ):
        command = option(command)
    return command


def changes(given: dict[str, Any]) -> dict[str, Any]:
    """Take the options that describe a Spark cluster out of `given`, and return those that were used, by the names of its parts."""
    taken = {
        "master": given.pop("spark_master"),
        "home": given.pop("spark_home"),
        "pages": list(given.pop("pages")),
        "conf": common.pairs(given.pop("settings"), "setting"),
        "shared_home": given.pop("shared_home"),
    }
    return {name: value for name, value in taken.items() if value not in (None, [], {})}


def arguments(spark: dict[str, Any]) -> dict[str, Any]:
    """Return those parts as `SparkCompute.attach_configuration` calls them."""
    names = {"home": "spark_home", "conf": "configuration"}
    return {names.get(name, name): value for name, value in spark.items()}


def cluster(master: dict[str, Any]) -> str | None:
    """Return what a standalone master has, in words; None when it has said nothing."""
    if not master.get("status"):
        return None
    workers = text.count(master["workers"], "worker")
    return f"{master['status'].lower()}, {workers}, {master['cores']} processors, {text.size(master['memory'])}"


def advice(spark: dict[str, Any] | None) -> list[str]:
    """Return what to do about a cluster whose master can't tell everything, or has nothing."""
    master = (spark or {}).get("master") or {}
    if master.get("no_page"):
        line = (
            f"the master's page can't be had ({master['no_page']}): a run can't say what it waits for there; name it with "
            "turnout target update --spark-page URL"
        )
        return [line]
    if master.get("status") and not master["workers"]:
        return ["the cluster has no workers: runs wait until one is registered"]
    return []
