"""What a run asks for: v1's ResourceConfiguration and priority, and what run.json keeps of them."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.config import capabilities
from turnout.config.run_configuration import RunConfiguration
from turnout.config.sections import ResourceConfiguration
from turnout.exceptions import RunConfigurationException


def made(priority: Any = None, **asked: Any) -> RunConfiguration:
    run = RunConfiguration(script="train.py")
    run.priority = priority
    if asked:
        run.resource_configuration = ResourceConfiguration(**asked)
    return run


def test_a_run_asks_for_one_slot_unless_it_says_more() -> None:
    assert capabilities.resources(made()) == {"cpus": 1, "gpus": 0, "priority": 0}
    asked = made(3, cpu=4, gpu=2, memory_in_gb=1.5)
    assert capabilities.resources(asked) == {"cpus": 4, "gpus": 2, "priority": 3, "memory_in_gb": 1.5}


@pytest.mark.parametrize("run", [made(cpu=-1), made(gpu=1.5), made("high"), made(cpu=True)])
def test_what_is_no_whole_number_is_refused_by_name(run: RunConfiguration) -> None:
    with pytest.raises(RunConfigurationException, match=r"(cpus|gpus|priority) must be a whole number"):
        capabilities.resources(run)


def test_it_survives_the_way_to_a_file_and_back_and_is_not_in_v1s_files() -> None:
    assert "resourceConfiguration" not in made().serialize()
    run = made(cpu=2, gpu=1)
    assert run.serialize()["resourceConfiguration"] == {"cpu": 2, "memoryInGB": None, "gpu": 1}
    assert RunConfiguration.deserialize(run.serialize()).resource_configuration == run.resource_configuration
