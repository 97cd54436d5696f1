"""`python -m turnout.azureml SCRIPT ARGUMENTS…`: see `running.run`."""

from __future__ import annotations

import os
import sys

from turnout.azureml.running import run


def main() -> int:
    """Run the script that the command line names."""
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python -m turnout.azureml SCRIPT [ARGUMENT…]\n")
        return 2
    if not os.path.isfile(sys.argv[1]):
        sys.stderr.write(f"turnout: there is no script {sys.argv[1]}\n")
        return 2
    run(sys.argv[1], sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
