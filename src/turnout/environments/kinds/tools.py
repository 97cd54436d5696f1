"""Runs the tools that resolve a specification, and reports what they say as they say it."""

from __future__ import annotations

import subprocess
from typing import IO

from turnout.environments.kinds import Context
from turnout.runtime.builders import words


def run(
    command: list[str], variables: dict[str, str], directory: str, output: IO[bytes], context: Context
) -> tuple[int, str]:
    """Run a tool; report the lines of its error output as they come, and return its status and all of these lines.

    From an error on nothing is reported: that is for the exception to tell.
    """
    process = subprocess.Popen(
        command, cwd=directory, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE
    )
    said: list[str] = []
    failed = False
    assert process.stderr is not None
    try:
        with process.stderr as stream:
            for data in stream:
                line = words.clean(data.decode("utf-8", "replace"), context.hide).rstrip()
                said.append(line)
                failed = failed or words.tells_error(line)
                if line and not failed:
                    context.report(line)
    except BaseException:
        process.kill()  # Ctrl-C, or a report that can't be shown
        process.wait()
        raise
    return process.wait(), "\n".join(said)
