import re

import pytest

from migration import presentation
from migration.models import Activity, Migration, RemoteSystem
from migration.states import DESTINATION_STATES, FINAL_STATES, SOURCE_STATES, State
from migration.status_words import Tone

ALL = [("source", state) for state in sorted(SOURCE_STATES)] + [
    ("destination", state) for state in sorted(DESTINATION_STATES)
]


def migration(role="source", state=State.TRANSFERRING, **fields):
    """Not saved: words need no database."""
    usual = {
        "type": "active",
        "partition_name": "uli13lp1",
        "activity": "transferring",
        "remote": RemoteSystem(name="uli14"),
    }
    return Migration(role=role, state=state, **usual | fields)


def situation(*args, lapsed_s=None, **fields):
    return presentation.situation(migration(*args, **fields), here="uli13", lapsed_s=lapsed_s, takes_over_s=10)


@pytest.mark.parametrize("type", ["active", "inactive"])
@pytest.mark.parametrize(("role", "state"), ALL)
def test_every_state_says_what_goes_on_where_and_what_to_do(role, state, type):
    said = situation(role, state, type=type)
    for text in (said.headline, said.place, said.advice):
        assert text
        assert "%" not in text
    assert presentation.state_name(state)


@pytest.mark.parametrize(("role", "state"), ALL)
def test_recover_is_offered_in_every_state_that_is_not_final(role, state):
    offered = presentation.can_recover(migration(role, state, released=True))
    assert offered == (state not in FINAL_STATES)


@pytest.mark.parametrize(("role", "state"), ALL)
def test_stop_is_offered_while_the_source_transfers_only(role, state):
    assert presentation.can_stop(migration(role, state)) == (state is State.TRANSFERRING)
    assert not presentation.can_stop(migration(role, state, stop_requested=True))


def test_the_destination_speaks_of_the_source_by_its_name():
    assert situation("destination", State.PREPARED).place == "On uli14."


def test_a_suspended_partition_is_said_to_be_suspended():
    assert "suspended" in situation(activity=Activity.SUSPENDED).place


def test_an_inactive_partition_is_never_said_to_run():
    for role, state in ALL:
        assert "Runs" not in situation(role, state, type="inactive").place


def test_a_side_claims_of_the_other_only_what_it_knows():
    assert "uli14 knows whether it runs there" in situation(state=State.SURRENDERED).place
    assert "uli14 knows whether it runs there" in situation("destination", State.LOADED).place


def test_a_stop_that_was_accepted_is_said_at_once():
    assert situation(stop_requested=True).headline == "Stopping: uli13lp1 stays on uli13"


def test_a_wait_for_a_mover_is_said():
    assert situation(wants="mover-out", activity=Activity.PREPARING).headline == "Waiting for the mover"


def test_an_interrupted_migration_counts_down_to_its_recovery():
    said = situation(lapsed_s=4.0)
    assert said.tone is Tone.ATTENTION
    assert "in about 6 s" in said.advice


def test_a_partition_whose_mover_is_lost_is_not_said_to_be_suspended():
    """Its hypervisor has let it run on by then."""
    assert "suspended" in situation(activity=Activity.SUSPENDED).place
    assert situation(activity=Activity.SUSPENDED, lapsed_s=4.0).place.startswith("On uli13; its hypervisor")


def test_an_interrupted_migration_that_nobody_recovers_is_not_said_to_be_recovered_soon():
    said = situation(lapsed_s=60.0)
    assert said.tone is Tone.BAD
    assert "Press Recover" in said.advice


def looking_on(row, **more):
    """What a user with the role View Only reads."""
    return presentation.situation(row, here="uli13", takes_over_s=10, may_act=False, **more).advice


@pytest.mark.parametrize("more", [{}, {"lapsed_s": 4.0}, {"lapsed_s": 60.0}, {"queue": (1, 2)}])
@pytest.mark.parametrize(("role", "state"), ALL)
def test_who_may_not_press_the_buttons_is_not_told_to(role, state, more):
    for row in (migration(role, state), migration(role, state, outlook="not converging")):
        advice = looking_on(row, **more)
        assert advice
        assert "%" not in advice
        assert not re.search(r"\b(Stop|Recover|Press|press)\b", advice), advice


def test_who_may_not_start_a_migration_is_told_who_may():
    assert looking_on(migration(state=State.CLOSED_KEPT)).endswith("can start the migration again.")
    assert "Users who may migrate partitions can stop it" in looking_on(migration())


def test_an_ended_migration_is_never_interrupted():
    assert situation(state=State.CLOSED_MOVED, lapsed_s=99).tone is Tone.GOOD


@pytest.mark.parametrize(
    ("local", "partner", "equal"), [("a", "a", True), ("a", "b", False), ("a", "", None), ("", "", None)]
)
def test_digests_are_compared_once_both_are_known(local, partner, equal):
    assert presentation.digests_equal(migration(local_digest=local, partner_digest=partner)) is equal


def test_a_destination_that_declined_says_that_the_source_has_yet_to_end():
    row = migration("destination", State.DECLINED, partner_state="transferring")
    waits = presentation.situation(row, here="uli14")
    assert (waits.tone, "has yet to end its side" in waits.advice) == (Tone.ATTENTION, True)
    row.partner_state = "closed, kept"
    assert "start the migration again" in presentation.situation(row, here="uli14").advice


def test_a_destination_says_that_the_source_will_not_finish():
    row = migration("destination", State.PREPARED, outlook="not converging")
    assert "says that it will not finish as things are" in presentation.situation(row, here="uli14").advice


# Where only a person can go on


def test_a_console_whose_operator_has_to_decide_says_so_and_promises_nothing():
    said = situation("destination", State.LOADED, waits_for_operator=True, restored=True)
    assert said.headline == "An operator has to decide what becomes of uli13lp1"
    assert "whole memory" not in said.place
    assert "goes on as soon as" not in said.advice
    assert "Recover, explained, here" in said.advice
    assert said.tone is Tone.BAD


def test_the_other_console_sends_there_and_not_in_a_circle():
    said = situation("source", State.SURRENDERED, partner_state="loaded", partner_waits_for_operator=True)
    assert said.headline == "Waiting for an operator on uli14"
    assert "on the console of uli14" in said.advice
    assert "press Recover" not in said.advice


def test_what_was_given_up_is_not_said_to_be_there():
    said = situation("source", State.COMPLETING, partner_state="prepared")
    assert said.headline == "Given up by an operator's order: whether uli14 has uli13lp1 is not known"
    assert "On uli14" not in said.place
    assert "taken over" in situation("source", State.COMPLETING, partner_state="started").headline


def test_what_runs_by_an_operators_order_is_told_so_until_the_source_has_let_go():
    said = situation("destination", State.STARTED, forced=True, partner_state="transferring")
    assert said.headline == "Forced: an operator ordered uli13lp1 to run on uli13"
    assert "switched off until it is mended" in said.advice
    moved = situation("destination", State.STARTED, forced=True, partner_state="completing")
    assert moved.headline.startswith("Moved:")


def test_a_move_that_an_operator_ordered_has_no_figures_of_the_other_copy():
    ordered = migration("source", State.CLOSED_MOVED, forced=True, suspension_ms=129_540.0,
                        local_digest="a", partner_digest="a")  # fmt: skip
    assert presentation.digests_equal(ordered) is None
    said = presentation.situation(ordered, here="uli13")
    assert said.place == "On uli14, by an operator's order."
