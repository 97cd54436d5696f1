from __future__ import annotations

import re

import pytest

from turnout.sweeps.journal import Log


def test_a_line_has_the_form_of_v1s_log(capsys: pytest.CaptureFixture[str]) -> None:
    Log().write("SCHEDULER", "Scheduling job,\n id='HD_1_0'")
    Log().write("CONTROLLER", "no metric", "WARNING")
    first, second = capsys.readouterr().out.splitlines()
    moment = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\]"
    assert re.fullmatch(rf"<START>{moment}\[SCHEDULER\]\[INFO\]Scheduling job, id='HD_1_0'<END>", first)
    assert re.fullmatch(rf"<START>{moment}\[CONTROLLER\]\[WARNING\]no metric<END>", second)
