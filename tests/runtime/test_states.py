"""The table of states: whole, and free of surprises."""

from __future__ import annotations

import pytest

from turnout.runtime import states


def test_every_order_and_state_in_the_table_has_a_name() -> None:
    orders = {states.BUILD, states.ADMIT, states.LAUNCH, states.WATCH, states.TERMINATE, states.COLLECT, states.CLOSE}
    for (state, _), (following, order) in states._TABLE.items():
        assert state in states.JOURNALED
        assert following in states.JOURNALED
        assert order in orders


def test_a_run_that_is_over_takes_no_event() -> None:
    assert not [state for state, _ in states._TABLE if states.is_final(state)]


@pytest.mark.parametrize("state", [state for state in states.JOURNALED if not states.is_final(state)])
def test_a_live_state_can_be_supervised_and_lost(state: str) -> None:
    for event in (states.SUPERVISED, states.LOST, states.CANCEL):
        states.advance(state, event)


@pytest.mark.parametrize("state", [state for state in states.JOURNALED if not states.is_final(state)])
def test_from_every_live_state_a_cancel_leads_to_an_end(state: str) -> None:
    following, order = states.advance(state, states.CANCEL)
    assert order in (states.CLOSE, states.TERMINATE, states.COLLECT)
    assert (order == states.CLOSE) == (following == states.CANCELED)


def test_an_event_out_of_place_is_refused() -> None:
    with pytest.raises(states.Refused):
        states.advance(states.COMPLETED, states.CANCEL)


@pytest.mark.parametrize(
    ("code", "cancelled", "timed_out", "end"),
    [
        (0, False, False, states.COMPLETED),
        (0, True, False, states.COMPLETED),  # it was done before the request could do anything
        (1, False, False, states.FAILED),
        (None, False, False, states.FAILED),
        (None, True, False, states.CANCELED),
        (143, True, False, states.CANCELED),
        (None, False, True, states.CANCELED),
    ],
)
def test_how_a_script_ended_decides_the_final_state(
    code: int | None, cancelled: bool, timed_out: bool, end: str
) -> None:
    assert states.final_state(code, cancelled, timed_out) == end
