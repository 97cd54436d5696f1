"""What a start is put together from, as far as that is pure."""

from __future__ import annotations

from turnout.runtime import launching, layout


def test_paths_of_data_are_one_word_of_a_command_and_whole_arguments() -> None:
    run = layout.RunLayout("/home/me/my home/workspaces/w/runs/r")
    definition = {
        "inputs": [{"name": "words", "mode": "mount"}],
        "arguments": ["--data=DatasetConsumptionConfig:words", "$AZUREML_DATAREFERENCE_words"],
        "configuration": {"command": "cat DatasetConsumptionConfig:words/*"},
    }
    definition["inputs"][0]["dataset"] = {"id": "1"}  # type: ignore[index]
    made = launching._with_data(definition, run)
    assert made["arguments"] == [f"--data={run.data}/inputs/words", "$AZUREML_DATAREFERENCE_words"]
    assert made["configuration"]["command"] == f"cat '{run.data}/inputs/words'/*"
    assert definition["configuration"] == {"command": "cat DatasetConsumptionConfig:words/*"}
    plain = {"arguments": ["a"]}
    assert launching._with_data(plain, run) is plain
