"""What uv's lines say of its steps."""

from turnout.runtime.builders.uvsteps import UvSteps

# What uv 0.13.9 printed, in a terminal's absence, for three large packages that weren't in its cache and a local one.
SAID = """\
Using Python 3.11.7 environment at: env
Resolved 10 packages in 244ms
   Building slow @ file:///project/slow
Downloading pandas (12.5MiB)
Downloading sqlalchemy (3.0MiB)
Downloading numpy (15.6MiB)
 Downloaded sqlalchemy
 Downloaded numpy
 Downloaded pandas
      Built slow @ file:///project/slow
Prepared 10 packages in 5.60s
Installed 10 packages in 366ms
 + numpy==2.1.0
"""


def test_each_line_that_says_a_step_tells_it():
    steps = UvSteps(10)
    assert steps.now() == "installing 10 packages"
    assert [told for told in map(steps, SAID.splitlines()) if told] == [
        "building slow",
        "downloading pandas (12.5 MiB)",
        "downloading pandas (12.5 MiB), sqlalchemy (3.0 MiB)",
        "downloading pandas (12.5 MiB), sqlalchemy (3.0 MiB) and 1 more",
        "downloading pandas (12.5 MiB), numpy (15.6 MiB); 1 downloaded",
        "downloading pandas (12.5 MiB); 2 downloaded",
        "building slow; 3 downloaded",
        "installing 10 packages",
        "installing 10 packages",
    ]


def test_a_call_that_installs_nothing_tells_only_of_downloads():
    steps = UvSteps(0)
    assert steps("Downloading cpython-3.12.1-linux-x86_64-gnu (28.1MiB)") == (
        "downloading cpython-3.12.1-linux-x86_64-gnu (28.1 MiB)"
    )
    assert steps(" Downloaded cpython-3.12.1-linux-x86_64-gnu") == ""


def test_one_package_is_one():
    assert UvSteps(1).now() == "installing 1 package"
