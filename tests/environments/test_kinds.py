"""All kinds pass the conformance suite."""

import pytest

from turnout.testing.environment_kinds import EnvironmentKindSuite


class TestUv(EnvironmentKindSuite):
    kind = "uv"
    definition = {"python": {"condaDependencies": {"dependencies": ["pip", {"pip": ["six==1.17.0", "idna==3.7"]}]}}}
    reordered = {"python": {"condaDependencies": {"dependencies": [{"pip": ["idna==3.7", "# same", "six==1.17.0"]}]}}}
    unbuildable = {"requirements": ["/nowhere/six-1.0-py3-none-any.whl"]}
    packages = ("idna", "six")


class TestUvWithoutPackages(EnvironmentKindSuite):
    kind = "uv"
    definition = {"python": {"condaDependencies": {"dependencies": ["python", "pip"]}}}
    reordered = {"python": {}}
    unbuildable = {"requirements": ["/nowhere/six-1.0-py3-none-any.whl"]}


class TestExisting(EnvironmentKindSuite):
    kind = "existing"
    definition = {"python": {"userManagedDependencies": True, "interpreterPath": "python"}}
    reordered = {"python": {"interpreterPath": "python", "userManagedDependencies": True}}
    unbuildable = {"interpreter": "/nowhere/bin/python"}
    packages = ("pytest",)
    makes_directory = False


class TestConda(EnvironmentKindSuite):
    kind = "conda"
    definition = {
        "python": {
            "condaDependencies": {
                "channels": ["./channel"],
                "dependencies": ["pip", "greeting>=1", "words=1.*", {"pip": ["six==1.17.0", "certifi==2024.7.4"]}],
            }
        }
    }
    reordered = {
        "python": {
            "condaDependencies": {
                "dependencies": [
                    {"pip": ["certifi==2024.7.4", "six==1.17.0"]},
                    "words = 1.*",
                    "greeting >= 1",
                    "python",
                ],
                "channels": ["./channel/../channel/"],
            }
        }
    }
    unbuildable = {
        "conda": [
            {
                "name": "python",
                "version": "3.11.0",
                "build": "0",
                "build_number": 0,
                "subdir": "noarch",
                "sha256": "0" * 64,
                "channel": "file:///nowhere",
                "url": "file:///nowhere/noarch/python-3.11.0-0.conda",
            }
        ]
    }
    packages = ("certifi", "greeting", "six")

    @pytest.fixture(autouse=True)
    def beside(self, tmp_path, conda_channel):
        """Put the channel where the definitions have it."""
        (tmp_path / "channel").symlink_to(conda_channel.path)
