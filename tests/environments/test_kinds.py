"""Both kinds pass the conformance suite."""

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
