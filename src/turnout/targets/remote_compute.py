"""`RemoteCompute`: a machine that is reached over SSH, attached to a workspace."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from turnout.exceptions import ComputeTargetException, NotYetException
from turnout.targets import registry
from turnout.targets.compute_target import ComputeTarget
from turnout.targets.reach import TargetError, Unreachable
from turnout.targets.reach.ssh import askpass, command, handshake

if TYPE_CHECKING:
    from turnout.workspace import Workspace

TYPE = "VirtualMachine"
"""v1's type of such a target."""

_WAY = "give the machine's address: RemoteCompute.attach_configuration(username=…, address=…, private_key_file=…)"


class RemoteCompute(ComputeTarget):
    """A machine with sshd and a Python (3.8 or newer), attached by its address.

    Attributes:
        address: a name or an IP address, or a Host of ~/.ssh/config.
        ssh_port: sshd's port, as it was given; 22 where ssh's own configuration says it.
        vm_size: None: nothing is known of what a cloud calls it.
    """

    def _take_labels(self) -> None:
        super()._take_labels()
        self.address = str(self._kept.get("address"))
        self.ssh_port = int(self._kept.get("port") or 22)
        self.vm_size: str | None = None

    @classmethod
    def attach(  # type: ignore[override]  # v1's earlier way, with other arguments
        cls,
        workspace: Workspace,
        name: str,
        username: str | RemoteComputeAttachConfiguration = "",
        address: str | None = None,
        ssh_port: int | str | None = None,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
        attach_configuration: RemoteComputeAttachConfiguration | None = None,
    ) -> ComputeTarget:
        """Attach a machine: v1's earlier form of `ComputeTarget.attach`, and that form too.

        Args:
            workspace: what it will belong to.
            name: its name there.
            username: like all that follow, see `attach_configuration`; or what that returned.
            address: a name or an IP address, or a Host of ~/.ssh/config.
            ssh_port: sshd's port.
            password: kept in the system's keyring.
            private_key_file: a key.
            private_key_passphrase: opens that key.
            attach_configuration: from the method of that name, in place of all these.

        Raises:
            ComputeTargetException: the machine can't be reached or used; nothing is kept.
        """
        if isinstance(username, RemoteComputeAttachConfiguration):
            attach_configuration = username
        elif attach_configuration is None:
            port: dict[str, Any] = {} if ssh_port is None else {"ssh_port": ssh_port}
            attach_configuration = cls.attach_configuration(
                username=username,
                address=address,
                password=password,
                private_key_file=private_key_file,
                private_key_passphrase=private_key_passphrase,
                **port,
            )
        return attach_configuration.attach(workspace, name)

    @staticmethod
    def attach_configuration(
        username: str = "",
        subscription_id: str | None = None,
        resource_group: str | None = None,
        vm_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int | str | None = None,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
        home: str = "",
        interpreter: str = "",
    ) -> RemoteComputeAttachConfiguration:
        """Describe a machine to attach, for `ComputeTarget.attach`.

        Args:
            username: the account there; empty for what ssh's configuration says.
            subscription_id: v1's way to name a machine of its cloud, like `resource_group`, `vm_name` and `resource_id`:
                not carried out, since there is no cloud to ask for its address.
            resource_group: see `subscription_id`.
            vm_name: see `subscription_id`.
            resource_id: see `subscription_id`.
            address: a name or an IP address, or a Host of ~/.ssh/config.
            ssh_port: sshd's port; by default what ssh's configuration says, else 22.
            password: kept in the system's keyring, never in a file.
            private_key_file: a key; by default those that ssh finds itself, the agent's among them.
            private_key_passphrase: opens that key; kept in the system's keyring.
            home: Turnout's home there; `~/.turnout` by default.
            interpreter: a Python there; by default the first that is found.

        Raises:
            ComputeTargetException: this names no machine.
        """
        if resource_id or vm_name:
            raise NotYetException(f"a machine can't be found by its id in a cloud; {_WAY}")
        if not address:
            raise ComputeTargetException(f"no address; {_WAY}")
        if password and private_key_file:
            raise ComputeTargetException("give a password or a private key, not both")
        if private_key_passphrase and not private_key_file:
            raise ComputeTargetException("a passphrase needs the private_key_file that it opens")
        where = command.parse(f"[{address}]" if address.count(":") > 1 and "[" not in address else address)
        try:
            port = int(ssh_port) if ssh_port is not None else where.port
        except (TypeError, ValueError):
            raise ComputeTargetException(f"{ssh_port!r} is no port; give a number, such as 22") from None
        options = {
            "address": where.host,
            "user": username or where.user,
            "port": port,
            "identity": os.path.abspath(os.path.expanduser(private_key_file)) if private_key_file else "",
            "home": home,
            "interpreter": interpreter,
        }
        if port and not 0 < port < 65536:
            raise ComputeTargetException(f"{port} is no port; give a number from 1 to 65535")
        secrets = {askpass.PASSWORD: password, askpass.PASSPHRASE: private_key_passphrase}
        return RemoteComputeAttachConfiguration(options, {name: value for name, value in secrets.items() if value})

    def detach(self) -> None:
        """Forget the machine; nothing is removed there.

        Raises:
            ComputeTargetException: runs live there (`turnout target remove --force` forgets them).
        """
        from turnout.targets import leaving

        leaving.remove(self.workspace.layout, self.name)

    def delete(self) -> None:
        """Refuse, as in v1: the machine isn't Turnout's. Raises ComputeTargetException."""
        raise ComputeTargetException("Delete is not supported for RemoteCompute; use detach")

    def check(self) -> dict[str, Any]:
        """Look at the machine again, keep what is there, and return it; see `facts`.

        Raises:
            ComputeTargetException: it can't be reached or used.
        """
        facts = ask_facts(self.workspace, self._kept)
        self._kept = {**self._kept, "facts": facts, "home": facts["home"]}
        registry.replace(self.workspace.layout, self.name, self._kept)
        return facts

    def update(self, **changes: Any) -> None:
        """Change how the machine is reached; it is looked at first, and nothing is changed when that fails.

        Args:
            **changes: `address`, `user`, `port`, `identity`, `home`, `interpreter`.

        Raises:
            ComputeTargetException: it can't be reached or used so.
        """
        changed = {**self._kept, **changes}
        facts = ask_facts(self.workspace, changed)
        if facts["home"] != self._kept.get("home"):
            from turnout.targets import leaving

            leaving.require_no_live_runs(self.workspace.layout, self.name)
        self._kept = {**changed, "facts": facts, "home": facts["home"]}
        registry.replace(self.workspace.layout, self.name, self._kept)
        self._take_labels()


class RemoteComputeAttachConfiguration:
    """What `RemoteCompute.attach_configuration` describes.

    Args:
        options: how the machine is reached.
        secrets: password or passphrase; they go into the system's keyring when the machine is attached.
    """

    def __init__(self, options: dict[str, Any], secrets: dict[str, str]) -> None:
        self.options = options
        self._secrets = secrets

    def __repr__(self) -> str:
        return f"RemoteComputeAttachConfiguration({self.options!r})"

    def attach(self, workspace: Workspace, name: str) -> ComputeTarget:
        """Attach the machine; see `ComputeTarget.attach`."""
        registry.check_name(workspace.layout, name)
        identity = os.urandom(8).hex()
        kept: dict[str, Any] = {
            "id": identity,
            "type": TYPE,
            "reach": "ssh",
            "schedule": "process",
            **self.options,
            "attached": time.time(),
        }
        if self._secrets:
            kept["keyring"] = identity
            askpass.keep(identity, self._secrets)
        try:
            facts = ask_facts(workspace, kept)
            kept.update(facts=facts, home=facts["home"])
            if "spark" in kept:
                from turnout.targets import hdinsight_compute

                kept = hdinsight_compute.with_spark(workspace, kept)
            registry.add(workspace.layout, name, kept)
        except BaseException:
            if self._secrets:
                askpass.forget(identity)
            raise
        return ComputeTarget(workspace, name)


def ask_facts(workspace: Workspace, target: dict[str, Any]) -> dict[str, Any]:
    """Connect to a machine and return what is there.

    Raises:
        ComputeTargetException: it can't be reached or used; the line names it and the way out.
    """
    from turnout.environments import indexes
    from turnout.targets import reach

    interpreter = str(target.get("interpreter") or "")
    if not handshake.is_quotable(interpreter):
        raise ComputeTargetException(f"{interpreter!r} can't be given to a shell; give a path without quotes")
    identity = str(target.get("identity") or "")
    if identity and not os.access(identity, os.R_OK):
        raise ComputeTargetException(f"the private key {identity} can't be read; check the path and its permissions")
    try:
        facts = reach.make(target, workspace.home).run({"operation": "facts", "indexes": indexes.urls(os.environ)})
    except (Unreachable, TargetError) as error:
        raise ComputeTargetException(str(error), error) from error
    return {**facts, "checked": time.time()}
