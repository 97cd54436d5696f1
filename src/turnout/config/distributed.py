"""How a run is spread over processes and nodes, and whether it happens in a container: v1's four configurations."""

from __future__ import annotations

from collections.abc import Iterable

from turnout.elements import ConfigElement, Field
from turnout.environments.sections import DEFAULT_SHM_SIZE
from turnout.exceptions import RunConfigurationException

PYTORCH_BACKENDS = ("nccl", "gloo")


class DockerConfiguration(ConfigElement):
    """Whether and how a run happens in a container.

    Args:
        use_docker: whether it does.
        shared_volumes: whether directories are shared with the container.
        arguments: further arguments for the container engine; each object has a list of its own.
        shm_size: the size of the shared memory, such as `2g`.
    """

    use_docker: bool
    shared_volumes: bool
    arguments: list[str]
    shm_size: str | None

    FIELDS = (
        Field("use_docker", "useDocker", bool, False),
        Field("shared_volumes", "sharedVolumes", bool, True),
        Field("arguments", "arguments", list, list),
        Field("shm_size", "shmSize", str, DEFAULT_SHM_SIZE),
    )

    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        arguments: Iterable[str] = (),
        shm_size: str | None = DEFAULT_SHM_SIZE,
    ) -> None:
        super().__init__()
        if isinstance(arguments, str):
            raise RunConfigurationException(f"the container's arguments are a list of strings, not {arguments!r}")
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = list(arguments or ())
        self.shm_size = shm_size


class MpiConfiguration(ConfigElement):
    """A run under MPI.

    Args:
        process_count_per_node: how many processes on each node.
        node_count: how many nodes.
    """

    process_count_per_node: int
    node_count: int

    FIELDS = (
        Field("process_count_per_node", "processCountPerNode", int, 1),
        Field("node_count", "nodeCount", int, 1),
    )

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        super().__init__()
        self.process_count_per_node = process_count_per_node
        self.node_count = node_count


class PyTorchConfiguration(ConfigElement):
    """A run under torch.distributed.

    Args:
        communication_backend: `Nccl` or `Gloo`, in any case; kept in lower case, as v1 does.
        process_count: how many processes in all; None means one a node.
        node_count: how many nodes.

    Raises:
        RunConfigurationException: another backend.
    """

    communication_backend: str
    process_count: int | None
    node_count: int

    FIELDS = (
        Field("communication_backend", "communicationBackend", str, "nccl"),
        Field("process_count", "processCount", int),
        Field("node_count", "nodeCount", int, 1),
    )

    def __init__(
        self, communication_backend: str = "Nccl", process_count: int | None = None, node_count: int = 1
    ) -> None:
        super().__init__()
        if str(communication_backend).lower() not in PYTORCH_BACKENDS:
            raise RunConfigurationException(
                f"the communication backend of PyTorch is Nccl or Gloo, not {communication_backend!r}"
            )
        self.communication_backend = communication_backend.lower()
        self.process_count = process_count
        self.node_count = node_count


class TensorflowConfiguration(ConfigElement):
    """A run under TensorFlow's distribution.

    Args:
        worker_count: how many workers.
        parameter_server_count: how many parameter servers.
    """

    worker_count: int
    parameter_server_count: int

    FIELDS = (
        Field("worker_count", "workerCount", int, 1),
        Field("parameter_server_count", "parameterServerCount", int, 1),
    )

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        super().__init__()
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count


class ParallelTaskConfiguration(ConfigElement):
    """A run as many independent tasks."""

    max_retries_per_worker: int
    worker_count_per_node: int
    terminal_exit_codes: list[int] | None

    FIELDS = (
        Field("max_retries_per_worker", "maxRetriesPerWorker", int, 0),
        Field("worker_count_per_node", "workerCountPerNode", int, 1),
        Field("terminal_exit_codes", "terminalExitCodes", list),
    )
