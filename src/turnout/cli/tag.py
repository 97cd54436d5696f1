"""`turnout tag`: set and remove tags of a run."""

from __future__ import annotations

import click

from turnout.cli import common


@click.command("tag")
@click.option("--remove", "removed", multiple=True, metavar="K", help="Remove this tag; may be repeated.")
@common.json_option
@common.run_argument
@click.argument("words", metavar="[K=V]…", nargs=-1)
def command(run_name: str, words: tuple[str, ...], removed: tuple[str, ...], as_json: bool) -> None:
    """Set tags of RUN, whether it runs or has ended, and print the tags that it has then."""
    wanted = common.pairs(words, "tag")
    if not wanted and not removed:
        raise click.UsageError("name a tag: KEY=VALUE, or --remove KEY")
    run = common.find(common.workspace(), run_name)
    run.set_tags(wanted)
    run.remove_tags(list(removed))
    from turnout.runtime import markers

    markers.mark_changed(run.layout)  # a run that has ended is not looked at again without a marker
    tags = run.get_tags()
    if as_json:
        common.print_json(tags)
        return
    lines = common.Facts()
    for key, value in tags.items():
        lines.add(key, value if value is not None else "-")
    lines.print()
