"""Names every file of a Turnout home and of a run record, and says who writes it.

Nothing else in Turnout spells a file name of the record. No I/O happens here, apart from `home_directory`, which reads
the environment. The layout is that of docs/architecture.md, and `FORMAT` is its version: a reader refuses a home with a
higher number.
"""

import os

MYPY = False
if MYPY:
    from typing import Mapping, Optional

FORMAT = 1
"""Version of the layout and of all file formats below it."""

HOME_VARIABLE = "TURNOUT_HOME"
WORKSPACE_VARIABLE = "TURNOUT_WORKSPACE"
RUN_DIRECTORY_VARIABLE = "TURNOUT_RUN_DIRECTORY"
"""Set for a script: the directory of its run's record."""
RUN_ID_VARIABLE = "TURNOUT_RUN_ID"
EXPERIMENT_VARIABLE = "TURNOUT_EXPERIMENT"
EXECUTOR_VARIABLE = "TURNOUT_EXECUTOR_OF"
"""Set on machines that work for a run and can't see its record: the run's id."""

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

MANIFEST, PATCH = "manifest", "patch.diff"
DATA_MANIFEST, ASSETS = "data.manifest", "assets.json"
SUBMITTED = (MANIFEST, PATCH, DATA_MANIFEST, ASSETS)
"""The files of a run's record that its submitter writes beside run.json; all but the first may be missing."""

OUTPUTS = "outputs"
LOGS = "logs"
OFFLINE_RUNS = "offline-runs"
TRASH_SUFFIX = ".trash"
"""Ends the name that an environment or a runtime is given before it is removed, where it lies."""
USER_LOGS = "user_logs"
SYSTEM_LOGS = "system_logs"


def home_directory(environ: "Optional[Mapping[str, str]]" = None) -> str:
    """Return the absolute path of this account's Turnout home: `TURNOUT_HOME`, else `~/.turnout`."""
    values = os.environ if environ is None else environ
    named = values.get(HOME_VARIABLE)
    return os.path.abspath(os.path.expanduser(named or "~/.turnout"))


class Home:
    """A Turnout home: what one account keeps on one machine, of one layout everywhere."""

    __slots__ = (
        "environments",
        "format",
        "gc_lock",
        "gc_turn",
        "interpreters",
        "objects",
        "queue",
        "root",
        "runtime",
        "secrets",
        "tools",
        "wheels",
        "workspaces",
    )

    def __init__(self, root: str) -> None:
        self.root = root
        self.format = os.path.join(root, "format.json")  # {"format": N}; whoever makes the home
        self.objects = os.path.join(root, "objects")  # ab/cdef…: contents by SHA-256, written once
        self.environments = os.path.join(root, "environments")  # KEY/, KEY.json (whole), KEY.lock
        self.queue = os.path.join(root, "queue")  # HOST/: runs that wait on that machine, and those that hold slots
        self.secrets = os.path.join(
            root, "secrets"
        )  # RANDOM: variables handed over to the run that names it, gone at the start
        self.runtime = os.path.join(root, "runtime")  # DIGEST/turnout/…: this package, as shipped
        self.gc_lock = os.path.join(root, "gc.lock")  # held by submits (shared) and by gc (alone); always empty
        self.gc_turn = os.path.join(root, "gc.turn")  # gc closes it, so that no further submit begins; always empty
        self.interpreters = os.path.join(root, "interpreters")  # DIGEST.json: what a person's own Python said of itself
        self.tools = os.path.join(root, "tools")  # links to tools that builders call: uv, rattler
        self.wheels = os.path.join(root, "wheels")  # KEY/: what a submitter brought for an environment, and wheels.json
        self.workspaces = os.path.join(root, "workspaces")

    def workspace(self, name: str) -> "WorkspaceLayout":
        """Return the layout of the workspace called `name`."""
        return WorkspaceLayout(os.path.join(self.workspaces, name))

    @property
    def queue_here(self) -> "QueueLayout":
        """The queue of this machine: a home on a network file system has one for each host."""
        return QueueLayout(os.path.join(self.queue, os.uname().nodename))

    def environment(self, key: str) -> str:
        """Return the directory of the built environment named by `key`."""
        return os.path.join(self.environments, key)


class QueueLayout:
    """The files of one machine's queue."""

    __slots__ = ("dispatcher", "root", "sequence", "slots", "started", "waiting")

    def __init__(self, root: str) -> None:
        self.root = root
        self.waiting = os.path.join(root, "waiting")  # SEQUENCE.RUN_ID: a run that has no slots yet; whoever submits
        self.started = os.path.join(root, "started")  # the same with its slots; the dispatcher, until the run is final
        self.sequence = os.path.join(root, "sequence")  # as many bytes as there were entries
        self.slots = os.path.join(root, "slots.json")  # what the machine offers, where a person has said so
        self.dispatcher = os.path.join(root, "dispatcher")  # who dispatches, as a name; locked by it while it does


class WorkspaceLayout:
    """The files of one workspace."""

    __slots__ = (
        "arrival_lock",
        "changes",
        "dataset_names",
        "datasets",
        "datastores",
        "default_datastore",
        "definition",
        "deleted",
        "environments",
        "experiments",
        "index",
        "locks",
        "models",
        "root",
        "runs",
        "secret_names",
        "stat_cache",
        "storage",
        "targets",
        "trash",
        "vm_sizes",
        "wheels",
    )

    def __init__(self, root: str) -> None:
        self.root = root
        self.definition = os.path.join(root, "workspace.json")  # id, name, created
        self.targets = os.path.join(
            root, "targets"
        )  # NAME.json: what was attached here; NAME.sent: the last run sent there
        self.secret_names = os.path.join(root, "secret-names.json")  # of the key vault, whose values are in the keyring
        self.vm_sizes = os.path.join(root, "vm-sizes.json")  # which target stands for which of v1's sizes
        self.arrival_lock = os.path.join(
            root, "arrival.lock"
        )  # on a target: while a run arrives or is withdrawn; empty
        self.environments = os.path.join(root, "environments")  # NAME/VERSION.json: what was registered
        self.locks = os.path.join(root, "locks")  # DIGEST.json: a specification, resolved once
        self.wheels = os.path.join(root, "wheels")  # DIGEST/NAME.whl: wheels that a person has put here
        self.datastores = os.path.join(root, "datastores")  # NAME.json: what was registered
        self.default_datastore = os.path.join(root, "default-datastore.json")  # its name, where one was chosen
        self.storage = os.path.join(root, "storage")  # NAME/: the files of the datastores that every workspace has
        self.datasets = os.path.join(root, "datasets")  # ID.json: what a dataset is made of; never changed
        self.dataset_names = os.path.join(root, "dataset-names")  # NAME/VERSION.json: what was registered
        self.models = os.path.join(root, "models")  # NAME/VERSION.json, and VERSION/: the model's files
        self.experiments = os.path.join(root, "experiments")  # NAME/: labels.json, the counter of run numbers
        self.changes = os.path.join(root, "changes")  # a marker per run that began or ended
        self.runs = os.path.join(root, "runs")
        self.trash = os.path.join(root, "trash")  # RUN_ID.RANDOM: runs being removed
        self.deleted = os.path.join(root, "deleted")  # RUN_ID: an empty file for each run that was deleted
        self.stat_cache = os.path.join(root, "stat-cache")  # one file per source directory
        self.index = os.path.join(root, "index.sqlite")

    def run(self, run_id: str) -> "RunLayout":
        """Return the layout of the run `run_id`."""
        return RunLayout(os.path.join(self.runs, run_id))

    def tombstone(self, run_id: str) -> str:
        """Return the file that says that the run `run_id` was deleted: its id is never used again."""
        return os.path.join(self.deleted, run_id)

    @property
    def home(self) -> Home:
        """The home that this workspace lies in."""
        return Home(os.path.dirname(os.path.dirname(self.root)))


class RunLayout:
    """The files of one run's record; `root` may also be an offline run's directory."""

    __slots__ = (
        "application", "artifacts", "assets", "assets_taken", "cancel", "cgroup", "checkout", "cluster_log", "code", "contained",
        "container", "crashes", "data", "data_checkout", "data_manifest", "decisions",
        "definition", "environment", "environment_log", "events", "exit", "journal", "launch", "lock", "manifest", "patch",
        "placement", "process", "replica", "replica_lock", "result", "root", "script_log", "shipped", "spark_events",
        "step", "supervisor_log", "system_logs", "user_logs",
    )  # fmt: skip

    def __init__(self, root: str) -> None:
        self.root = root
        self.definition = os.path.join(root, "run.json")  # submitter, immutable
        self.manifest = os.path.join(root, MANIFEST)  # submitter: the snapshot
        self.patch = os.path.join(root, PATCH)  # submitter: the uncommitted changes
        self.data_manifest = os.path.join(root, DATA_MANIFEST)  # submitter: the files of the run's inputs, by digest
        self.assets = os.path.join(root, ASSETS)  # submitter, for a run elsewhere: the workspace's assets
        self.assets_taken = os.path.join(
            root, "assets-taken"
        )  # whoever brought what the run registered into the workspace; empty
        self.data = os.path.join(root, "data")  # supervisor: inputs, copied out or linked; gone when the run has ended
        self.data_checkout = os.path.join(root, "data-checkout")  # supervisor: how the files of data/ looked
        self.journal = os.path.join(root, "journal.jsonl")  # the holder of the run's lock
        self.placement = os.path.join(root, "placement.json")  # supervisor: where
        self.environment = os.path.join(root, "environment.json")  # supervisor: with which packages
        self.result = os.path.join(root, "result.json")  # supervisor: how it ended
        self.lock = os.path.join(root, "lock")  # who supervises
        self.replica = os.path.join(
            root, "replica.json"
        )  # a submitter, of a run elsewhere: how far it was brought here
        self.replica_lock = os.path.join(root, "replica.lock")  # held by who brings; always empty
        self.cancel = os.path.join(root, "cancel")  # a request: by whom, when
        self.cgroup = os.path.join(root, "cgroup")  # supervisor: where the run's processes are, on systems with cgroups
        self.container = os.path.join(root, "container")  # supervisor: which one, of which engine; before it is made
        self.contained = os.path.join(root, "contained")  # the container's first process: that it began, how it ended
        self.step = os.path.join(root, "step")  # the environment's builder: what it does just now; gone when it ends
        self.launch = os.path.join(root, "launch.json")  # supervisor: what the launcher found there, and the command
        self.application = os.path.join(
            root, "application.json"
        )  # the launcher's companion: what the cluster says of it
        self.shipped = os.path.join(root, "shipped")  # supervisor: archives for executors; gone when the run has ended
        self.decisions = os.path.join(
            root, "decisions.jsonl"
        )  # a sweep's controller: up to which interval it looked at each trial, and which it ended
        self.process = os.path.join(root, "process")  # the script's process names itself before it becomes the script
        self.exit = os.path.join(root, "exit")  # the keeper: how the script's process ended
        self.events = os.path.join(root, "events")  # WRITER.jsonl, one writer a file
        self.artifacts = os.path.join(root, "artifacts")  # what the script uploaded, by artifact name
        self.spark_events = os.path.join(self.artifacts, "spark-events")  # Spark: its event log, for the History Server
        self.code = os.path.join(root, "code")  # the snapshot, copied out; the working directory
        self.checkout = os.path.join(root, "checkout")  # supervisor: how the files of code/ looked when copied out
        self.user_logs = os.path.join(root, USER_LOGS)
        self.system_logs = os.path.join(root, SYSTEM_LOGS)
        self.script_log = os.path.join(self.user_logs, "std_log.txt")  # the script's stdout and stderr
        self.environment_log = os.path.join(self.system_logs, "environment.log")  # the builder's output
        self.cluster_log = os.path.join(
            self.system_logs, "cluster.log"
        )  # the launcher's companion: what happened there
        self.crashes = os.path.join(self.system_logs, "crashes")  # a byte for each supervisor that failed by itself
        self.supervisor_log = os.path.join(self.system_logs, "supervisor.log")

    @property
    def run_id(self) -> str:
        """The run's id: the directory's name."""
        return os.path.basename(self.root)

    @property
    def workspace(self) -> WorkspaceLayout:
        """The workspace that this run lies in (not for offline runs)."""
        return WorkspaceLayout(os.path.dirname(os.path.dirname(self.root)))
