"""v1's verbs of runs: `run submit-script`, `run submit-hyperdrive`, and to look at runs."""

from __future__ import annotations

import os
from typing import Any

import click

from turnout.cli import common
from turnout.cli.azureml.verbs import options
from turnout.exceptions import UserErrorException


@click.group("run")
def group() -> None:
    """Runs, as v1's command line submitted and showed them."""


def _submission(function: Any) -> Any:
    for option in (
        options.place,
        options.output_file,
        click.option("-c", "--run-configuration-name", metavar="NAME", help="A run configuration of the directory."),
        click.option("-e", "--experiment-name", metavar="NAME", help="The directory's name by default."),
        click.option("--source-directory", metavar="DIR", help="What the snapshot is made of; --path by default."),
        click.option("--ct", "--target", "target", metavar="NAME", help="The compute target, instead of the file's."),
        click.option("--async", "detach", is_flag=True, help="Return once it is submitted."),
        click.argument("words", nargs=-1, type=click.UNPROCESSED),
    ):
        function = option(function)
    return function


_SCRIPT = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@group.command("submit-script", context_settings=_SCRIPT)
@_submission
@click.option("-d", "--conda-dependencies", metavar="FILE", help="The environment's packages, instead of the file's.")
def submit_script(conda_dependencies: str | None, **given: Any) -> int:
    """Submit a script, and its arguments, with a run configuration, and follow it."""
    config = _config(given)
    if conda_dependencies:
        from turnout.environments.environment import Environment

        config.run_config.environment = Environment.from_conda_specification("submit-script", conda_dependencies)
    return _submit(config, given)


@group.command("submit-hyperdrive", context_settings=_SCRIPT)
@_submission
@click.option("--hyperdrive-configuration-name", "sweep", required=True, metavar="NAME", help="v1's hdconfig.yml.")
def submit_hyperdrive(sweep: str, **given: Any) -> int:
    """Submit a sweep of a script as a file says, and follow it."""
    from turnout.sweeps import HyperDriveConfig, PrimaryMetricGoal, hdconfig

    directory = given["source_directory"] or given["path"]
    places = [
        os.path.join(directory, below, sweep + end) for below in ("", ".azureml", "aml_config") for end in ("", ".yml")
    ]
    found = next((each for each in places if os.path.isfile(each)), None)
    if found is None:
        raise UserErrorException(f"there is no sweep {sweep} in {directory}; name a file like hdconfig.yml")
    told = hdconfig.load(found)
    unknown = [key for key in hdconfig.RUN_KEYS if key in told]
    if "sampling" not in told or unknown:
        what = f"{unknown[0]} belongs to `turnout sweep start`" if unknown else "it has no sampling"
        raise UserErrorException(f"{found} is no hdconfig.yml of v1's: {what}")
    sampling = told.pop("sampling")
    told["primary_metric_goal"] = PrimaryMetricGoal.from_str(told.get("primary_metric_goal") or "")
    return _submit(HyperDriveConfig(hyperparameter_sampling=sampling, run_config=_config(given), **told), given)


def _config(given: dict[str, Any]) -> Any:
    from turnout.config.run_configuration import RunConfiguration
    from turnout.config.script_run_config import ScriptRunConfig

    directory = given["source_directory"] or given["path"]
    name = given["run_configuration_name"]
    configuration = RunConfiguration.load(given["path"], name) if name else RunConfiguration()
    if given["target"]:
        configuration.target = given["target"]
    script, *arguments = given["words"] or (None,)
    if script is None:
        return ScriptRunConfig(directory, run_config=configuration)
    return ScriptRunConfig(directory, script, arguments or None, run_config=configuration)


def _submit(config: Any, given: dict[str, Any]) -> int:
    from turnout.experiment import Experiment

    name = given["experiment_name"] or os.path.basename(os.path.abspath(given["path"]))
    experiment = Experiment(options.workspace(given["workspace_name"], given["path"]), name)
    run = experiment.submit(config)
    if not given["detach"]:
        run.wait_for_completion(show_output=True, raise_on_error=False)
    options.show(_described(run), given["output_metadata_file"])
    return 0 if given["detach"] or run.get_status() == "Completed" else 1


def _described(run: Any) -> dict[str, Any]:
    details = run.get_details()
    return {
        "runId": run.id,
        "experimentName": run.record.definition.get("experiment"),
        "status": details["status"],
        "startTimeUtc": details.get("startTimeUtc"),
        "endTimeUtc": details.get("endTimeUtc"),
        "target": details.get("target"),
        "tags": run.get_tags(),
        "properties": details["properties"],
    }


@group.command("list")
@options.place
@click.option("-e", "--experiment-name", metavar="NAME", help="Only of this experiment.")
@click.option("--last", type=click.IntRange(1), default=10, help="How many (default: 10).")
@click.option("--status", help="Only in this state.")
def list_runs(
    workspace_name: str | None, path: str, experiment_name: str | None, last: int, status: str | None
) -> None:
    """List runs, newest first."""
    workspace = options.workspace(workspace_name, path)
    rows = common.index(workspace).list_runs(experiment=experiment_name, status=status, limit=last)
    options.show([_described(workspace.get_run(row.id)) for row in rows])


@group.command("show")
@options.place
@click.option("-r", "--run", "run_id", required=True, metavar="ID", help="The run.")
def show_run(workspace_name: str | None, path: str, run_id: str) -> None:
    """Show a run."""
    options.show(_described(options.workspace(workspace_name, path).get_run(run_id)))


@group.command("cancel")
@options.place
@click.option("-r", "--run", "run_id", required=True, metavar="ID", help="The run.")
def cancel_run(workspace_name: str | None, path: str, run_id: str) -> None:
    """Cancel a run."""
    run = options.workspace(workspace_name, path).get_run(run_id)
    run.cancel()
    options.show(_described(run))


@group.command("update")
@options.place
@click.option("-r", "--run", "run_id", required=True, metavar="ID", help="The run.")
@click.option("--add-tag", "tags", multiple=True, metavar="K=V", help="A tag.")
def update_run(workspace_name: str | None, path: str, run_id: str, tags: tuple[str, ...]) -> None:
    """Give a run tags."""
    run = options.workspace(workspace_name, path).get_run(run_id)
    run.set_tags(common.pairs(tags, "tag"))
    options.show(_described(run))


@group.command("download-logs")
@options.place
@click.option("-r", "--run", "run_id", required=True, metavar="ID", help="The run.")
@click.option("-d", "--output-dir", metavar="DIR", help="Where to.")
def download_logs(workspace_name: str | None, path: str, run_id: str, output_dir: str | None) -> None:
    """Copy the log files of a run here."""
    options.show(options.workspace(workspace_name, path).get_run(run_id).get_all_logs(output_dir))
