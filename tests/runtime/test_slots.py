"""Who gets slots: first in, first out, nobody starved, nothing given twice."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime import layout, slots
from turnout.runtime.slots import Demand, Grant, Offer

demands = st.builds(Demand, st.integers(0, 5), st.integers(0, 3))
offers = st.builds(Offer, st.integers(1, 6), st.integers(0, 3).map(lambda n: tuple(map(str, range(n)))))


def named(*wanted: tuple[int, int]) -> list[tuple[str, Demand]]:
    return [(str(number), Demand(*one)) for number, one in enumerate(wanted)]


def test_as_many_start_as_there_are_slots_in_their_order() -> None:
    grants = slots.choose(named((1, 0), (1, 0), (1, 0)), Offer(2, ()), [])
    assert grants == {"0": Grant((0,), ()), "1": Grant((1,), ())}


def test_a_wide_run_keeps_narrow_ones_behind_it_waiting() -> None:
    held = [Grant((0,), ())]
    assert slots.choose(named((2, 0), (1, 0)), Offer(2, ()), held) == {}
    assert list(slots.choose(named((2, 0), (1, 0)), Offer(4, ()), held)) == ["0", "1"]


def test_a_run_that_waits_for_a_gpu_leaves_the_cpus_that_it_does_not_need() -> None:
    held = [Grant((0,), ("0",))]
    assert list(slots.choose(named((1, 1), (1, 0)), Offer(3, ("0",)), held)) == ["1"]
    assert slots.choose(named((1, 1), (1, 0)), Offer(2, ("0",)), held) == {}


def test_a_run_that_can_never_start_keeps_nobody_waiting() -> None:
    waiting = named((9, 0), (1, 0))
    assert list(slots.choose(waiting, Offer(2, ()), [])) == ["1"]
    assert "offers 2 CPU slots" in slots.reasons(waiting, Offer(2, ()), [])["0"]


def test_a_run_without_slots_starts_at_once() -> None:
    assert slots.choose(named((1, 0), (0, 0)), Offer(1, ()), [Grant((0,), ())]) == {"1": Grant((), ())}


def test_gpus_are_given_by_name() -> None:
    grants = slots.choose(named((1, 2), (1, 1)), Offer(8, ("0", "2", "GPU-7")), [])
    assert grants["0"].gpus == ("0", "2")
    assert grants["1"].gpus == ("GPU-7",)


def test_slots_beyond_a_smaller_offer_are_in_use_all_the_same() -> None:
    held = [Grant((2, 3), ())]
    assert slots.choose(named((1, 0)), Offer(2, ()), held) == {}


@given(st.lists(demands, max_size=12), offers, st.lists(demands, max_size=4))
def test_nothing_is_given_twice_nor_more_than_there_is(asked: list[Demand], offer: Offer, before: list[Demand]) -> None:
    held = list(slots.choose(named(*before), offer, []).values())
    grants = slots.choose(named(*asked), offer, held)
    given_out = [*held, *grants.values()]
    cpus = [number for grant in given_out for number in grant.cpus]
    gpus = [name for grant in given_out for name in grant.gpus]
    assert len(set(cpus)) == len(cpus)
    assert set(cpus) <= set(range(offer.cpus))
    assert len(set(gpus)) == len(gpus)
    assert set(gpus) <= set(offer.gpus)
    for name, grant in grants.items():
        assert Demand(len(grant.cpus), len(grant.gpus)) == asked[int(name)]


@given(st.lists(demands, min_size=1, max_size=12), offers)
def test_every_run_that_fits_starts_in_the_end_and_none_waits_for_one_behind_it(
    asked: list[Demand], offer: Offer
) -> None:
    """Rounds in which the oldest run ends: the first in the queue starts at the latest when all before it have ended."""
    waiting, running, started = named(*asked), [], []
    for _ in range(2 * len(asked) + 1):
        grants = slots.choose(waiting, offer, [grant for _, grant in running])
        fitting = [name for name, demand in waiting if slots.fits(demand, offer)]
        if fitting and not running:
            assert fitting[0] in grants
        running += list(grants.items())
        started += list(grants)
        waiting = [one for one in waiting if one[0] not in grants]
        running = running[1:]
    assert set(started) == {name for name, demand in named(*asked) if slots.fits(demand, offer)}


@given(st.lists(demands, max_size=8), offers, st.lists(demands, max_size=3))
def test_everyone_is_told_a_reason(asked: list[Demand], offer: Offer, before: list[Demand]) -> None:
    held = list(slots.choose(named(*before), offer, []).values())
    said = slots.reasons(named(*asked), offer, held)
    assert set(said) == {name for name, _ in named(*asked)}
    assert all(said.values())


def test_what_a_person_sets_holds_until_it_is_taken_back(tmp_path: Path) -> None:
    queue = layout.QueueLayout(str(tmp_path / "queue"))
    default = slots.offered(queue)
    assert default == slots.default_offer()
    assert slots.configure(queue, {"slots": 7}) == Offer(7, default.gpus)
    assert slots.configure(queue, {"gpus": ["3"]}) == Offer(7, ("3",))
    assert slots.configure(queue, {"slots": None, "gpus": None}) == default


def test_gpus_are_found_by_their_device_files(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert slots.found_gpus(str(tmp_path)) == ["0", "2", "10"]
    assert slots.found_gpus(str(tmp_path / "missing")) == []
