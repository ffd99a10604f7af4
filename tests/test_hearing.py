from ivmweb.hearing import DEAF_AFTER_S, Hearing

LATER = DEAF_AFTER_S + 1


def test_an_idle_worker_whose_queue_fills_is_deaf_after_a_while():
    hearing = Hearing(heard_at=0)
    assert not hearing.is_deaf(1, DEAF_AFTER_S - 1)
    assert hearing.is_deaf(1, LATER)


def test_an_empty_queue_starts_the_time_anew():
    hearing = Hearing(heard_at=0)
    assert not hearing.is_deaf(0, LATER)
    assert not hearing.is_deaf(1, LATER + 1)


def test_a_worker_at_work_is_never_ended_however_many_messages_wait():
    hearing = Hearing(heard_at=0)
    hearing.begin()
    assert not hearing.is_deaf(9, 100 * LATER)
    hearing.end()
    assert not hearing.is_deaf(9, hearing.heard_at + 1)
