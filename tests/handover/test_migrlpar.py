"""`migrlpar -o r`: without a word where it is recovered or about to be, else with a code."""

import pytest

from ivmweb.lab import data
from migration import leases, look
from migration.states import State
from tests.cli.conftest import Prompt
from tests.handover.conftest import fetch


@pytest.fixture
def parked(start, uli13lp1, hypervisor):
    """Everything is sent, the partition stands suspended here, and nobody is at work."""
    migration = start(uli13lp1, State.SURRENDERED)
    hypervisor.park(migration.lpar_id, migration.pk)
    hypervisor.runs[migration.lpar_id].words = [look.offered_by(data.ULI13.identity, migration)] * 5
    return migration


@pytest.fixture
def prompt(padmin):
    return Prompt(padmin)


def test_nothing_is_said_where_it_is_recovered(parked, partner, prompt):
    partner.state = State.DECLINED
    assert (prompt("migrlpar -o r -p uli13lp1"), prompt.err, prompt.status) == ("", "", 0)
    assert fetch(parked).state == State.CLOSED_KEPT


def test_nothing_is_said_beside_a_worker_that_still_works(parked, partner, prompt):
    assert leases.claim(parked.pk, "mover-out")
    assert (prompt("migrlpar -o r --id 2"), prompt.err, prompt.status) == ("", "", 0)
    assert (fetch(parked).worker, partner.heard) == ("mover-out", [])


def test_with_v_it_is_said_with_a_code_on_standard_error(parked, partner, prompt):
    leases.claim(parked.pk, "mover-out")
    said = (
        "[VIOSI01049000-9635] Recover of partition uli13lp1: A worker is at work on the migration at this moment, "
        "and does what Recover would do.\n"
    )
    assert (prompt("migrlpar -o r -p uli13lp1 -v"), prompt.err, prompt.status) == ("", said, 0)


def test_what_is_not_recovered_is_no_success(parked, partner, prompt):
    partner.is_silent = True
    assert (prompt("migrlpar -o r -p uli13lp1"), prompt.status) == ("", 1)
    begins = (
        "[VIOSE01049000-9636] The migration of uli13lp1 is not recovered. uli14 must answer before more can be done"
    )
    assert prompt.err.startswith(begins)
    assert prompt.err.count("\n") == 1


def test_a_worker_that_is_silent_is_no_success_yet(parked, prompt, clock):
    leases.claim(parked.pk, "mover-out")
    clock.pass_s(4)
    prompt("migrlpar -o r -p uli13lp1")
    assert (prompt.status, "has said nothing for 4 s" in prompt.err) == (1, True)
