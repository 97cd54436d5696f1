"""v1's verbs of models: `model register`, `list`, `show`, `download` and `delete`."""

from __future__ import annotations

from typing import Any

import click

from turnout.cli import common
from turnout.cli.azureml.verbs import options
from turnout.exceptions import UserErrorException


@click.group("model")
def group() -> None:
    """Models, as v1's command line kept them."""


@group.command("register")
@options.place
@options.output_file
@click.option("-n", "--name", required=True, metavar="NAME", help="The model's name.")
@click.option("-p", "--model-path", metavar="PATH", help="A file or folder of this machine.")
@click.option("--asset-path", metavar="PATH", help="A file or folder of the run.")
@click.option("--run-id", metavar="ID", help="The run that made it.")
@click.option(
    "-f", "--run-metadata-file", metavar="FILE", help="What `run submit-script -t` wrote, which names the run."
)
@click.option("-d", "--description", help="A text.")
@click.option("--tag", "tags", multiple=True, metavar="K=V", help="A label that may change.")
@click.option("--property", "properties", multiple=True, metavar="K=V", help="A label that never changes.")
@click.option("--model-framework", help="What it was made with.")
@click.option("--model-framework-version", help="That one's version.")
@click.option("-e", "--experiment-name", expose_value=False, help="Accepted as in v1; the run knows it.")
def register(
    workspace_name: str | None,
    path: str,
    output_metadata_file: str | None,
    name: str,
    model_path: str | None,
    asset_path: str | None,
    run_id: str | None,
    run_metadata_file: str | None,
    tags: tuple[str, ...],
    properties: tuple[str, ...],
    **given: Any,
) -> None:
    """Register files of this machine, or of a run, as the next version of a model."""
    from turnout.runtime import records
    from turnout.runtime.script.assets.models import Model

    workspace = options.workspace(workspace_name, path)
    given.update(tags=common.pairs(tags, "tag"), properties=common.pairs(properties, "property"))
    if run_metadata_file:
        run_id = str(records.read_json(run_metadata_file)["runId"])
    if run_id:
        made = workspace.get_run(run_id).register_model(name, asset_path or model_path, **given)
    elif model_path:
        import contextlib
        import io

        with contextlib.redirect_stdout(io.StringIO()):  # only JSON is printed
            made = Model.register(workspace, model_path, name, **given)
    else:
        raise UserErrorException("give --model-path, or a run with --run-id or -f")
    options.show(made.serialize(), output_metadata_file)


@group.command("list")
@options.place
@click.option("-n", "--model-name", metavar="NAME", help="Only of this name.")
@click.option("-l", "--latest", is_flag=True, help="Only the latest version of each.")
@click.option("--tag", metavar="K", help="Only with this tag.")
@click.option("--run-id", metavar="ID", help="Only those of this run.")
def list_models(
    workspace_name: str | None, path: str, model_name: str | None, latest: bool, tag: str | None, run_id: str | None
) -> None:
    """List models, the latest registered first."""
    from turnout.runtime.script.assets.models import Model

    workspace = options.workspace(workspace_name, path)
    found = Model.list(workspace, model_name, tags=tag, latest=latest, run_id=run_id)
    options.show([model.serialize() for model in found])


def _model(workspace_name: str | None, path: str, model_id: str | None, model_name: str | None) -> Any:
    from turnout.runtime.script.assets.models import Model

    return Model(options.workspace(workspace_name, path), model_name, model_id)


_ID = click.option("-i", "--model-id", metavar="NAME:N", help="The model.")


@group.command("show")
@options.place
@_ID
@click.option("-n", "--model-name", metavar="NAME", help="The latest of this name.")
def show(workspace_name: str | None, path: str, model_id: str | None, model_name: str | None) -> None:
    """Show a model."""
    options.show(_model(workspace_name, path, model_id, model_name).serialize())


@group.command("download")
@options.place
@_ID
@click.option("-t", "--target-dir", required=True, metavar="DIR", help="Where to.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def download(workspace_name: str | None, path: str, model_id: str | None, target_dir: str, overwrite: bool) -> None:
    """Copy a model's files here."""
    options.show(_model(workspace_name, path, model_id, None).download(target_dir, exist_ok=overwrite))


@group.command("delete")
@options.place
@_ID
def delete(workspace_name: str | None, path: str, model_id: str | None) -> None:
    """Remove a version of a model."""
    _model(workspace_name, path, model_id, None).delete()
