"""What a person says of the runs that a command submits: the options of `turnout submit` and `turnout sweep start`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import common, progress, sizes, streams

if TYPE_CHECKING:
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.run import Run
    from turnout.workspace import Workspace

SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False}
"""Of a command whose last arguments are the script's."""


def _secrets(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str | None]:
    """Return names and values of the secrets; a value is taken out of this process's command line at once."""
    if any("=" in word for word in given):
        from turnout.cli import commandline

        trouble = commandline.hide_values(given, "--secret")
        if trouble:
            streams.say(trouble)
    words = [word.partition("=") for word in given]
    return {name: value if equals else None for name, equals, value in words}


_OPTIONS = (
    click.option("--target", metavar="NAME", help="The compute target (default: the configuration's, else local)."),
    click.option("--experiment", metavar="NAME", help="The experiment (default: the source directory's name)."),
    click.option(
        "--environment",
        metavar="SPEC",
        help="A registered or curated name, a requirements.txt, pyproject.toml, uv.lock or environment.yml, `current` (your own "
        "interpreter), or the path of an interpreter.",
    ),
    common.python_option,
    click.option(
        "--source-directory", metavar="DIR", help="What is packed; the script's working directory (default: .)."
    ),
    click.option("--name", metavar="TEXT", help="A name for people."),
    click.option("--tag", "tags", multiple=True, metavar="K=V", help="A tag; may be repeated."),
    click.option("--env", "variables", multiple=True, metavar="K=V", help="A variable of the script; may be repeated."),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="K[=V]",
        is_eager=True,  # before anything that could take time or fail
        callback=_secrets,
        help="A variable of the script that the record doesn't hold, from your own variables unless V is given; may be repeated.",
    ),
    click.option(
        "--framework", metavar="NAME", help="How it is launched: Python (default), or PySpark for spark-submit."
    ),
    click.option("--conf", "settings", multiple=True, metavar="K=V", help="A setting of Spark's; may be repeated."),
    click.option("--config", "config_file", metavar="FILE", help="A .runconfig file to begin with."),
    click.option(
        "--max-run-duration", type=click.IntRange(min=1), metavar="SECONDS", help="End the script after this time."
    ),
    click.option("--cpus", type=click.IntRange(min=0), metavar="N", help="CPU slots that the run holds (default: 1)."),
    click.option(
        "--gpus", type=click.IntRange(min=0), metavar="N", help="GPUs that the run has for itself (default: 0)."
    ),
    click.option("--priority", type=int, metavar="N", help="Runs with a higher number start first (default: 0)."),
    click.option(
        "--no-outputs", is_flag=True, help="Leave outputs on a remote target; `turnout download` fetches them later."
    ),
    click.option(
        "--max-output",
        type=sizes.Size(),
        metavar="SIZE",
        help="Leave larger outputs on a remote target, such as 500MB; `turnout download` fetches them later.",
    ),
)


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; `configuration` and `choose_environment` read them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def of_submit(
    given: dict[str, Any], secrets: dict[str, str | None], on_submitted: Callable[[Run], None]
) -> dict[str, Any]:
    """Return what a submit takes beside the configuration, for a person who watches it; see `submission.submit`.

    Args:
        given: the options' values.
        secrets: the secrets' names and values.
        on_submitted: gets the run.
    """
    return {
        "display_name": given["name"],
        "report": streams.say,
        "on_submitted": on_submitted,
        "secrets": secrets,
        "progress": progress.Upload(),
        "collect": 0 if given["no_outputs"] else given["max_output"],
    }


def configuration(given: dict[str, Any]) -> tuple[ScriptRunConfig, str]:
    """Return the configuration that the options describe, with `script` and `arguments`, and the experiment's name."""
    from turnout.config.script_run_config import ScriptRunConfig

    source = given["source_directory"] or "."
    run_config = None
    if given["config_file"]:
        from turnout.config.run_configuration import RunConfiguration

        run_config = RunConfiguration.load(given["config_file"])
    config = ScriptRunConfig(
        source, script=_script(source, given), arguments=list(given["arguments"]), run_config=run_config
    )
    if given["target"]:
        config.run_config.target = given["target"]
    if given["framework"]:
        config.run_config.framework = given["framework"]
    if given["settings"]:
        chosen = common.pairs(given["settings"], "setting")
        config.run_config.spark.configuration = {**config.run_config.spark.configuration, **chosen}
    if given["max_run_duration"]:
        config.run_config.max_run_duration_seconds = given["max_run_duration"]
    _ask_for(config.run_config, given["cpus"], given["gpus"], given["priority"])
    values = {**(config.run_config.environment_variables or {}), **common.pairs(given["variables"], "variable")}
    config.run_config.environment_variables = values
    return config, given["experiment"] or _experiment_name(source)


def _ask_for(run_config: Any, cpus: int | None, gpus: int | None, priority: int | None) -> None:
    """Put what the run asks for into the configuration, over what that says."""
    from turnout.config.sections import ResourceConfiguration

    if cpus is not None or gpus is not None:
        asked = run_config.resource_configuration or ResourceConfiguration()
        asked.cpu = asked.cpu if cpus is None else cpus
        asked.gpu = asked.gpu if gpus is None else gpus
        run_config.resource_configuration = asked
    if priority is not None:
        run_config.priority = priority


def _script(source: str, given: dict[str, Any]) -> str:
    """Return the script as the configuration wants it: relative to the source directory.

    A person in a shell names a file from where they stand; it is also looked for in the source directory.
    """
    script: str = given["script"]
    if given["source_directory"] and os.path.exists(script):
        return os.path.relpath(os.path.abspath(script), os.path.abspath(source))
    return script


def choose_environment(config: ScriptRunConfig, workspace: Workspace, spec: str | None, python: str | None) -> None:
    """Set the environment that a person named, and the Python; say so where an empty one is taken."""
    chosen: Any = config.run_config.environment
    if spec:
        from turnout.environments.specification import from_spec

        config.run_config.environment = from_spec(spec, workspace, python=python)
        return
    if chosen.name in (None, "default-environment"):
        streams.say(
            f"no --environment: an empty one with {f'Python {python}' if python else 'your Python version'} "
            "(default-environment); --environment current uses your own interpreter"
        )
    if python is not None:
        from turnout.environments.environment import EnvironmentReference

        if isinstance(chosen, EnvironmentReference):
            config.run_config.environment = chosen = chosen.get_environment(workspace)
        chosen.python.python_version = python


def _experiment_name(source: str) -> str:
    """Return an experiment's name from the source directory's, made of the characters that are allowed."""
    name = os.path.basename(os.path.abspath(source))
    kept = "".join(
        character if character.isascii() and (character.isalnum() or character in "-_") else "-" for character in name
    )
    return kept.lstrip("-_")[:255] or "default"
