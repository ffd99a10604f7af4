"""The one-time tokens of the terminal's web socket."""

from uuid import uuid4

import pytest

from ivmweb.pages.tickets import LIFE_S, MOST, Ticket, Tickets

TICKET = Ticket(session_key="s" * 32, user_id=7, partition=uuid4(), lpar_id=2, language="en")
MINE = (TICKET.session_key, TICKET.user_id)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tickets(clock):
    return Tickets(clock)


def test_a_token_is_good_once(tickets):
    token = tickets.issue(TICKET)
    assert tickets.redeem(token, *MINE) == TICKET
    assert tickets.redeem(token, *MINE) is None


def test_no_two_tokens_are_the_same_and_none_can_be_guessed(tickets):
    tokens = {tickets.issue(TICKET) for _one in range(MOST)}
    assert len(tokens) == MOST
    assert min(map(len, tokens)) >= 43  # 256 bits
    assert tickets.redeem("", *MINE) is None


def test_a_token_is_good_for_some_seconds(tickets, clock):
    early, late = tickets.issue(TICKET), tickets.issue(TICKET)
    clock.now += LIFE_S - 0.1
    assert tickets.redeem(early, *MINE) == TICKET
    clock.now += 0.1
    assert tickets.redeem(late, *MINE) is None


@pytest.mark.parametrize("other", [("t" * 32, 7), ("s" * 32, 8)], ids=["session", "user"])
def test_a_token_of_another_is_good_for_nobody_and_void_then(tickets, other):
    token = tickets.issue(TICKET)
    assert tickets.redeem(token, *other) is None
    assert tickets.redeem(token, *MINE) is None


def test_past_a_number_of_them_the_oldest_is_void(tickets):
    first, *others = (tickets.issue(TICKET) for _one in range(MOST + 1))
    assert tickets.redeem(first, *MINE) is None
    assert tickets.redeem(others[0], *MINE) == TICKET
