"""What a remote host for tests sees: a root of its own with this machine's /usr, an account, a secure shell daemon.

The files of /etc and /home lie in a directory that outlives the host's processes, as a disk does. All else is in memory.
"""

from __future__ import annotations

import os
import shutil
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.testing.remotelink import PATH, Link, call

PORT = 22
ACCOUNT = 4001
"""The account's number, and its group's."""

HOST_KEY = "etc/ssh/hostkey"
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_SHARED = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "alternatives", "localtime", "profile")
_TOLD = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)

INIT = """
set -eu
mount --make-rprivate /
root=$DISK/root
mount -t tmpfs -o "size=$ROOM,mode=755" tmpfs "$root"
cd "$root"
mkdir -p usr etc home proc sys dev opt run/sshd tmp var/tmp old
mkdir -m 700 root
chmod 1777 tmp var/tmp
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
if [ -n "$PYTHON" ]; then
    # A layer above /usr that is never written to takes its interpreters away.
    mkdir -p layer/bin opt/python
    for file in /usr/bin/python* /usr/bin/pypy* /usr/libexec/platform-python*; do
        [ -e "$file" ] || [ -L "$file" ] || continue
        mkdir -p "layer/$(dirname "${file#/usr/}")"
        mknod "layer/${file#/usr/}" c 0 0
    done
    if [ "$PYTHON" != none ]; then
        mount --bind "$PYTHON" opt/python
        mount -o remount,bind,ro opt/python
        rm -f layer/bin/python3
        ln -s /opt/python/bin/python3 layer/bin/python3
    fi
    mount -t overlay -o "lowerdir=$root/layer:/usr" overlay usr
else
    mount --bind /usr usr
    mount -o remount,bind,ro usr
fi
mount -t tmpfs -o ro,mode=755 tmpfs usr/local
mount --bind "$DISK/etc" etc
if [ -n "$PYTHON" ] && [ "$PYTHON" != none ]; then
    # Before /usr's: the interpreter may have been linked with a library of its own, at a path that isn't here.
    echo /opt/python/lib >etc/ld.so.conf.d/00-python.conf
    ldconfig -X -r "$root"
fi
mount --rbind "$DISK/home" home
mount -t proc proc proc
mount --bind "$DISK/boot_id" proc/sys/kernel/random/boot_id
mount --rbind /sys sys
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for name in null zero full random urandom tty; do
    : >"dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
hostname "$NAME"
pivot_root . old
cd /
umount -l old
rmdir old
exec env -i PATH="$PATH" /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
"""
"""What the host's first process does before it becomes the daemon; `PYTHON` is a prefix, `none`, or empty for /usr's."""


@dataclass(frozen=True)
class Account:
    """The one account that can log in.

    Attributes:
        user: its name.
        home: its directory, below /home.
        shell: what sshd starts for it.
        bashrc: what bash reads before each command that comes over SSH.
        password: if it has one; it takes a key at any time.
        home_size: how much fits into its directory, as mount writes it, such as `8m`; empty for all of the disk.
    """

    user: str
    home: str
    shell: str
    bashrc: str
    password: str
    home_size: str


def prepare(disk: Path, link: Link, account: Account, banner: str, outside: bool) -> None:
    """Write the host's /etc and make the account's directory.

    Args:
        disk: the directory that is the host's disk.
        link: its network.
        account: who can log in.
        banner: what sshd says before that.
        outside: whether it has to know what leads to this machine's network.
    """
    for name in ("root", "etc/ssh", "etc/ssl/certs", "home"):
        (disk / name).mkdir(parents=True)
    for name in (
        *_SHARED,
        *(path.name for path in Path("/etc").glob("java-*")),
    ):  # Debian's Java has its settings there
        source = Path("/etc") / name
        if source.is_dir():
            shutil.copytree(source, disk / "etc" / name, symlinks=True)
        elif source.exists():
            shutil.copy(source, disk / "etc" / name)
    if outside and os.path.exists("/etc/resolv.conf"):
        shutil.copy("/etc/resolv.conf", disk / "etc" / "resolv.conf")
    if outside and _certificates():
        shutil.copy(_certificates(), disk / _BUNDLE[1:])
    call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(disk / "id"))
    new_host_key(disk)
    secret = call("openssl", "passwd", "-6", "-stdin", given=account.password).strip() if account.password else "*"
    texts = {
        "hostname": f"{link.name}\n",
        "hosts": f"127.0.0.1 localhost {link.name}\n",
        "machine-id": f"{uuid.uuid4().hex}\n",
        "group": f"root:x:0:\nrunner:x:{ACCOUNT}:\ntty:x:5:\nnogroup:x:65534:\n",
        "passwd": "root:x:0:0::/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        f"{account.user}:x:{ACCOUNT}:{ACCOUNT}::{account.home}:{account.shell}\n",
        "shadow": f"root:*:1::::::\nsshd:*:1::::::\n{account.user}:{secret}:1::::::\n",
        "ssh/authorized_keys": (disk / "id.pub").read_text(),
        "ssh/banner": banner,
        "ssh/sshd_config": _configuration(link, bool(account.password), bool(banner), ways_out() if outside else {}),
    }
    for name, text in texts.items():
        _write(disk / "etc" / name, text, 0o600 if name == "shadow" else 0o644)
    for directory, _, _ in os.walk(disk / "etc"):
        os.chmod(directory, 0o755)
    os.chmod(disk / "home", 0o755)
    _make_home(disk, account)


def new_boot(disk: Path) -> None:
    """Give the host the identity of a kernel that has just started: it has this machine's kernel, and may not say so."""
    _write(disk / "boot_id", f"{uuid.uuid4()}\n", 0o444)


def new_host_key(disk: Path) -> None:
    """Write another key for the daemon to show, which reads it when it starts."""
    key = disk / HOST_KEY
    key.unlink(missing_ok=True)
    call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key), given="y\n")


def ways_out() -> dict[str, str]:
    """Return the variables by which a session finds the package index as this process does."""
    told = {name: os.environ[name] for name in _TOLD if os.environ.get(name)}
    return {**told, "SSL_CERT_FILE": _BUNDLE} if _certificates() else told


def _certificates() -> str:
    """Return the path of the authorities that this process trusts, or nothing."""
    known = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, _BUNDLE)
    return next((path for path in known if path and os.path.isfile(path)), "")


def _configuration(link: Link, password: bool, banner: bool, variables: Mapping[str, str]) -> str:
    lines = [
        *(f"Port {PORT}", f"ListenAddress {link.far}", f"HostKey /{HOST_KEY}", "PidFile none"),
        *(
            "AuthorizedKeysFile /etc/ssh/authorized_keys",
            "StrictModes no",
            "PermitRootLogin no",
            "UsePAM no",
            "UseDNS no",
        ),
        *(f"PasswordAuthentication {'yes' if password else 'no'}", "KbdInteractiveAuthentication no"),
        *("MaxSessions 100", "MaxStartups 100", "PrintMotd no", "Subsystem sftp /usr/lib/openssh/sftp-server"),
    ]
    if banner:
        lines.append("Banner /etc/ssh/banner")
    if variables:
        lines.append("SetEnv " + " ".join(f'"{name}={value}"' for name, value in variables.items()))
    return "\n".join(lines) + "\n"


def _make_home(disk: Path, account: Account) -> None:
    home = disk / account.home[1:]
    home.mkdir(parents=True)
    if account.home_size:
        call("mount", "-t", "tmpfs", "-o", f"size={account.home_size},mode=700", "tmpfs", str(home))
    if account.bashrc:
        _write(home / ".bashrc", account.bashrc, 0o644)
    for path in (home, *home.iterdir()):
        os.chown(path, ACCOUNT, ACCOUNT)
    os.chmod(home, 0o700)


def _write(path: Path, text: str, mode: int) -> None:
    path.write_text(text)
    os.chmod(path, mode)


def first_process(disk: Path, link: Link, room: str, python: str) -> list[str]:
    """Return the command that becomes the host's processes; all of them end with it, and it ends with this process.

    Args:
        disk: the directory that is the host's disk.
        link: its network.
        room: how much fits into what isn't on the disk, as mount writes it.
        python: a prefix, `none`, or empty for the one of /usr.
    """
    settings = {"PATH": PATH, "DISK": disk, "ROOM": room, "PYTHON": python, "NAME": link.name}
    return [
        *("setpriv", "--pdeathsig", "KILL", "env", "-i", *(f"{name}={value}" for name, value in settings.items())),
        *("nsenter", f"--net={link.namespace}"),
        *("unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "/bin/sh", "-c", INIT),
    ]
