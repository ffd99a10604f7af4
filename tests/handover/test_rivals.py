"""Two processes at one row, the second in the middle of the first one's transaction: PostgreSQL lets both go on.

SQLite has one writer at a time, so there nothing of this can be made; `./ivm test --postgres` runs it.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.system import services as system
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState, ReferenceCode
from ivmweb.transactions import serialized
from migration import destination, journal, leases
from migration.leases import Fenced
from migration.models import Migration
from migration.states import State
from tests import factories
from tests.handover.conftest import configuration, fetch, own_luns, request_of

if connection.vendor != "postgresql":
    pytest.skip("needs a database with several writers", allow_module_level=True)

# serialized_rollback: the roles come from a schema migration.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def rival():
    """Starts another process's work, in a thread with a connection of its own, and returns once it waits for us."""
    with ThreadPoolExecutor(max_workers=1) as thread:

        def begin(work):
            backend = thread.submit(own_backend).result()
            answer = thread.submit(and_close, work)
            while not waits(backend):
                if answer.done():
                    pytest.fail(f"the rival did not wait: {answer.exception() or answer.result()}")
            return answer

        yield begin


def own_backend():
    connection.ensure_connection()
    return connection.connection.info.backend_pid


def and_close(work):
    try:
        return work()
    finally:
        connection.close()


def waits(backend):
    with connection.cursor() as cursor:
        cursor.execute("select cardinality(pg_blocking_pids(%s))", [backend])
        return cursor.fetchone()[0] > 0


@pytest.fixture
def in_the_middle(monkeypatch, rival):
    """Begins a rival right after the named call of the first process; its answer is the list's only item."""

    def arrange(module, name, work):
        answers = []
        original = getattr(module, name)

        def and_then(*args, **kwargs):
            monkeypatch.setattr(module, name, original)
            result = original(*args, **kwargs)
            answers.append(rival(work))
            return result

        monkeypatch.setattr(module, name, and_then)
        return answers

    return arrange


def test_a_stop_in_the_middle_of_the_surrender_hears_that_it_is_too_late(start, uli13lp1, rival):
    migration = start(uli13lp1)
    with serialized():
        assert journal.advance(fetch(migration), State.SURRENDERED)
        stop = rival(lambda: journal.request_stop(fetch(migration), Sentence("Stop")))
    assert stop.result() is False
    assert (fetch(migration).state, fetch(migration).stop_requested) == (State.SURRENDERED, False)


def test_a_surrender_in_the_middle_of_a_stop_is_not_written(start, uli13lp1, rival):
    migration = start(uli13lp1)
    with serialized():
        assert journal.request_stop(fetch(migration), Sentence("Stop"))
        surrender = rival(lambda: journal.advance(fetch(migration), State.SURRENDERED))
    assert surrender.result() is False
    assert fetch(migration).state == State.TRANSFERRING


def test_a_worker_renews_nothing_in_the_middle_of_its_replacement(start, uli13lp1, rival):
    migration = start(uli13lp1)
    old = leases.claim(migration.pk, "control")
    with serialized():
        new = leases.claim(migration.pk, "schedule", over_worker=True)
        renewal = rival(lambda: leases.renew(old, percent=99))
    with pytest.raises(Fenced):
        renewal.result()
    assert (fetch(migration).epoch, fetch(migration).percent) == (new.epoch, 0)


def test_two_workers_that_claim_at_once_are_one(start, uli13lp1, in_the_middle):
    migration = start(uli13lp1)
    second = in_the_middle(leases, "next_epoch", lambda: leases.claim(migration.pk, "control", wants="control"))
    assert leases.claim(migration.pk, "control", wants="control") is not None
    assert second[0].result() is None


def test_a_claim_and_the_end_of_a_move_do_not_wait_for_each_other(start, uli13lp1, in_the_middle):
    migration = start(uli13lp1, State.COMPLETING)

    def end():
        return journal.advance(
            fetch(migration), State.CLOSED_MOVED, also=lambda: system.remove_partition(uli13lp1), percent=100
        )

    ended = in_the_middle(leases, "next_epoch", end)
    assert leases.claim(migration.pk, "schedule") is not None
    assert ended[0].result() is False  # it was decided before the claim; who looks again may write it
    assert LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()
    assert end()
    assert not LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()


def test_a_prepare_sent_again_in_the_middle_of_the_first_gets_the_same_answer(
    uli14, token, hypervisor, in_the_middle
):
    request = request_of()
    own_luns(hypervisor, request)
    free_mb = ManagedSystem.objects.get().free_memory_mb
    again = in_the_middle(system, "reserve_shell", lambda: destination.make(request, token, uli14))
    first = destination.make(request, token, uli14)
    assert again[0].result().pk == first.pk
    assert Migration.objects.count() == 1
    assert ManagedSystem.objects.get().free_memory_mb == free_mb - request.configuration.memory_mb


def test_another_migration_of_the_partition_in_the_middle_of_a_prepare_is_refused(
    uli14, token, hypervisor, in_the_middle
):
    same = configuration()
    first, second = request_of(configuration=same), request_of(configuration=same)
    own_luns(hypervisor, first)
    other = in_the_middle(system, "reserve_shell", lambda: destination.make(second, token, uli14))
    destination.make(first, token, uli14)
    with pytest.raises(PrerequisiteFailed) as refused:
        other[0].result()
    assert refused.value.key == "partition-is-migrating"
    assert Migration.objects.get().pk == first.migration_id


def test_a_tombstone_in_the_middle_of_a_prepare_finds_what_that_made(uli14, token, hypervisor, in_the_middle):
    request = request_of()
    own_luns(hypervisor, request)
    tombstone = in_the_middle(
        destination, "note", lambda: destination.write_tombstone(request.migration_id, uli14, "i")
    )
    destination.make(request, token, uli14)
    assert tombstone[0].result().state == State.PREPARED
    assert Migration.objects.get().state == State.PREPARED


def test_the_last_memory_is_given_out_once_and_the_second_is_told_what_is_left(uli13, hypervisor, rival):
    free_mb = ManagedSystem.objects.get().free_memory_mb
    plans = [factories.small_plan(name, lpar_id, free_mb) for name, lpar_id in (("one", 8), ("two", 9))]
    with serialized():
        system.reserve_shell(plans[0], "", PartitionState.NOT_ACTIVATED)
        second = rival(lambda: system.reserve_shell(plans[1], "", PartitionState.NOT_ACTIVATED))
    with pytest.raises(PrerequisiteFailed) as refused:
        second.result()
    assert (refused.value.key, refused.value.params["free_mb"]) == ("not-enough-memory", 0)


def test_names_and_slots_that_two_ask_for_at_once_differ(uli13, hypervisor, rival):
    plans = [
        factories.small_plan(name, lpar_id, adapters=(factories.adapter_plan(hdisk),))
        for name, lpar_id, hdisk in (("one", 8, 5), ("two", 8, 6))
    ]
    with serialized():
        one = system.reserve_shell(plans[0], "", PartitionState.NOT_ACTIVATED)
        answer = rival(lambda: system.reserve_shell(plans[1], "", PartitionState.NOT_ACTIVATED))
    two = answer.result()
    assert (one.lpar_id, two.lpar_id) == (8, 2)
    assert {adapter.name for p in (one, two) for adapter in p.server_adapters.all()} == {"vhost0", "vhost1"}


def test_activate_and_migrate_at_once_are_one(start, uli13lp2, in_the_middle, padmin):
    def migrate():
        return start(LogicalPartition.objects.get(pk=uli13lp2.pk))

    migration = in_the_middle(system, "next_epoch", migrate)
    system.activate(uli13lp2, padmin, "test")
    with pytest.raises(PrerequisiteFailed) as refused:
        migration[0].result()
    assert refused.value.key in {"partition-is-held", "partition-state-changed"}  # while it is activated, or after
    assert Migration.objects.count() == 0


def test_the_inventory_adds_no_reference_code_to_a_partition_that_goes_away_meanwhile(uli13lp1, rival):
    with serialized():
        system.remove_partition(uli13lp1)
        inventory = rival(take_inventory)
    inventory.result()
    assert not LogicalPartition.objects.filter(name="uli13lp1").exists()
    assert not ReferenceCode.objects.exists()
