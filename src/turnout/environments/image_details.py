"""What v1's `build` and `get_image_details` return, said of environments that are built on this machine."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from turnout.exceptions import TurnoutException
from turnout.runtime.builders import Built

RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"


class DockerImageDetails(dict[str, Any]):
    """What is known of a built environment, in v1's form: a dictionary with v1's keys, and a property for each.

    `image_exist` says whether an image is in a registry; Turnout puts none into one. The interpreter's and the
    environment's paths are those on this machine, None as long as it isn't built here.
    """

    @property
    def image_exist(self) -> bool:
        """Whether the image is in a registry."""
        return bool(self.get("imageExistsInRegistry"))

    @property
    def registry(self) -> dict[str, Any] | None:
        """The registry of the image."""
        registry: dict[str, Any] | None = (self.get("dockerImage") or {}).get("registry")
        return registry

    @property
    def repository(self) -> str | None:
        """The name of the image in its registry."""
        return (self.get("dockerImage") or {}).get("name")

    @property
    def image(self) -> dict[str, Any] | None:
        """The image; None for an environment that isn't a container."""
        return self.get("dockerImage")

    @property
    def interpreter_path(self) -> str | None:
        """The Python of the environment."""
        return (self.get("pythonEnvironment") or {}).get("interpreterPath")

    @property
    def environment_path(self) -> str | None:
        """The directory of the environment."""
        return (self.get("pythonEnvironment") or {}).get("condaEnvironmentPath")

    @property
    def dockerfile(self) -> str | None:
        """The Dockerfile that the image was made from."""
        return (self.get("ingredients") or {}).get("dockerfile")


class ImageBuildDetails:
    """A build under way in this process; the interpreter doesn't end before it does.

    Args:
        act: builds; gets a file for the log and returns what was built.
    """

    def __init__(self, act: Callable[[Any], Built]) -> None:
        self._log: list[str] = []
        self._changed = threading.Condition()
        self._status = RUNNING
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(act,), name="turnout build")
        self._thread.start()

    @property
    def status(self) -> str:
        """`Running`, `Succeeded` or `Failed`."""
        return self._status

    def get_log(self) -> str:
        """Return the log as it is now."""
        with self._changed:
            return "".join(self._log)

    def wait_for_completion(self, show_output: bool = True) -> ImageBuildDetails:
        """Wait for the end of the build, by default with its log on standard output as it is written.

        Raises:
            EnvironmentException: it failed.
        """
        shown = 0
        while True:
            with self._changed:
                while self._status == RUNNING and len(self._log) == shown:
                    self._changed.wait()
                lines, ended = self._log[shown:], self._status != RUNNING
            shown += len(lines)
            if show_output:
                sys.stdout.write("".join(lines))
                sys.stdout.flush()
            if ended:
                break
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self

    def write(self, data: bytes) -> int:
        """Take a piece of the log from the builder."""
        with self._changed:
            self._log.append(data.decode("utf-8", "replace"))
            self._changed.notify_all()
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def _run(self, act: Callable[[Any], Built]) -> None:
        status = FAILED
        try:
            act(self)
            status = SUCCEEDED
        except (TurnoutException, OSError) as failure:
            self._failure = failure
        finally:
            with self._changed:
                self._status = status
                self._changed.notify_all()
