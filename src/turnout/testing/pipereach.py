"""A reach to another account on this machine, over pipes: all of `ssh`'s but for ssh itself.

A shell carries out the command that ssh would have a login shell carry out; what follows, from the handshake to the agent, is
the real thing, with a home of its own that shares nothing with the submitter's.
"""

from __future__ import annotations

import os
from typing import Any

from turnout.runtime import variables
from turnout.runtime.layout import Home
from turnout.targets.reach.ssh.channel import Channel
from turnout.targets.reach.ssh.reach import SshReach

KIND = "pipes"

_SHELL = ("/bin/sh", "-c")


class PipeReach(SshReach):
    """What `SshReach` is, with a shell here in place of ssh.

    Args:
        home: this machine's home.
        options: as `SshReach` takes them; of its own: `shell`, the argv that the command is appended to; `account`, the
            directory that is HOME there; `variables`, others that a login there sets. While `cut` names a file that is
            there, the machine can't be reached.
    """

    def __init__(self, home: Home, options: dict[str, Any]) -> None:
        super().__init__(home, {"address": "pipes", **options})
        self._shell = list(options.get("shell") or _SHELL)
        self._cut = str(options.get("cut") or "")
        account = {"HOME": str(options["account"])} if options.get("account") else {}
        self._variables = {**variables.base(os.environ), **account, **dict(options.get("variables") or {})}

    def _connect(self, remote: str) -> Channel:
        if self._cut and os.path.exists(self._cut):
            said = "ssh: connect to host pipes port 22: No route to host"
            return Channel(["/bin/sh", "-c", f"echo '{said}' >&2; exit 255"], self._variables)
        return Channel([*self._shell, remote], self._variables)


def target(name: str, account: str, **more: Any) -> dict[str, Any]:
    """Return a target of this kind, as a run's record keeps it; its home is `.turnout` in the account's directory."""
    home = os.path.join(account, ".turnout")
    return {"name": name, "type": KIND, "reach": KIND, "schedule": "process", "account": account, "home": home, **more}
