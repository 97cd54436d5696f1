"""Runs the script of a run in a container, through the command line of podman or docker, whichever is there.

`engine` finds and asks the engine and builds its command lines, `container` looks after the one container of a run,
`mounts` says what of the machine is seen in it, `init` is the container's first process. Images are built by
`turnout.runtime.builders.container`. May import `turnout.runtime` only; `init` imports nothing of Turnout, since the image's
Python executes it.
"""
