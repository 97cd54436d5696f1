"""What a submit checks of a run that is launched by spark-submit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from turnout.exceptions import RunConfigurationException
from turnout.runtime.launchers import spark as launcher
from turnout.runtime.spark import installation, settings
from turnout.targets import spark_settings

if TYPE_CHECKING:
    from turnout.config.run_configuration import RunConfiguration
    from turnout.environments.environment import Environment


def check(run: RunConfiguration, environment: Environment) -> None:
    """Refuse what no spark-submit can do, whichever the target.

    Raises:
        RunConfigurationException: the line names the reason and the way out.
    """
    if run.command:
        raise RunConfigurationException("spark-submit launches a script; give one in place of the command")
    if run.docker.use_docker or environment.docker.enabled:
        raise RunConfigurationException(
            "spark-submit doesn't start a script in a container; set docker.use_docker and docker.enabled to False"
        )
    mode = str(run.hdi.yarn_deploy_mode)
    if mode.lower() not in ("client", "cluster"):
        raise RunConfigurationException(f"hdi.yarn_deploy_mode is cluster or client, not {mode!r}")
    for package in environment.spark.packages:
        if not (package.group and package.artifact and package.version):
            raise RunConfigurationException(
                f"a Spark package has group, artifact and version, not {package.group!r}, {package.artifact!r}, "
                f"{package.version!r}"
            )
    try:
        settings.checked(run.spark.configuration)
    except settings.SettingsError as error:
        raise RunConfigurationException(str(error)) from error


def check_launch(definition: dict[str, Any], secrets: Mapping[str, str], environ: Mapping[str, str] | None) -> None:
    """Refuse what the target can't do; see `capabilities.check_launch`."""
    try:
        own = settings.of_run(definition)
        settings.kind_of(settings.master_of(definition, own))
        settings.asked_memory(own)
        settings.asked_cores(own)
        launcher.deploy_mode(definition)
        settings.refuse_secrets(own, secrets, secrets.values())
        if environ is not None:
            _find_here(definition, environ)
    except (settings.SettingsError, installation.NotFound) as error:
        raise RunConfigurationException(f"{error}; nothing was submitted") from error


def _find_here(definition: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Note the pyspark that is installed with Turnout, and look for Java, which no environment brings.

    Raises:
        installation.NotFound: there is none.
    """
    said = dict(definition["target"].get("spark") or {})
    beside = spark_settings.beside()
    if beside:
        said["beside"] = beside
    definition["target"] = {**definition["target"], "spark": said}
    configured = {**environ, **(definition["variables"].get("configured") or {})}
    installation.java(configured)
