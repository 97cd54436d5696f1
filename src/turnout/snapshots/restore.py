"""Writes the snapshot of a run back into a directory."""

from __future__ import annotations

import os

from turnout.exceptions import SnapshotException
from turnout.runtime import layout, manifest
from turnout.runtime.checkout import CheckoutError, checkout
from turnout.runtime.objects import ObjectStore


def restore(run: layout.RunLayout, home: layout.Home, into: str) -> list[manifest.Entry]:
    """Write the snapshot of a run into a directory, wholly or not at all.

    Args:
        run: the run's record.
        home: where the objects are.
        into: the directory; it is made if it isn't there, and must be empty.

    Returns:
        What was written.

    Raises:
        SnapshotException: the run has no snapshot, something of it is missing or damaged, or the directory can't be
            used.
    """
    entries = _entries(run)
    target = os.path.abspath(into)
    made = not os.path.lexists(target)
    try:
        checkout(entries, ObjectStore(home.objects), target, public=True)
    except CheckoutError as error:
        _remove_if(made, target)
        raise SnapshotException(f"the snapshot of {run.run_id} can't be restored: {error}", error) from error
    except OSError as error:
        _remove_if(made, target)
        reason = (error.strerror or str(error)).lower()
        raise SnapshotException(f"{into} can't be written: {reason}; name another directory", error) from error
    return entries


def _entries(run: layout.RunLayout) -> list[manifest.Entry]:
    try:
        with open(run.manifest, "rb") as stream:
            return manifest.parse(stream.read())
    except FileNotFoundError:
        raise SnapshotException(f"the run {run.run_id} has no snapshot") from None
    except (OSError, manifest.ManifestError) as error:
        raise SnapshotException(f"the snapshot of {run.run_id} can't be read: {error}", error) from error


def _remove_if(made: bool, directory: str) -> None:
    if made:
        try:
            os.rmdir(directory)
        except OSError:
            pass  # it was never made, or someone else uses it already
