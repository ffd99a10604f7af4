"""A partition is not removed while a migration of it is not over, although nothing holds it any more."""

import pytest
from django.contrib.auth.models import User

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.system.models import LogicalPartition
from migration import recovery, removal
from migration.peer.messages import Told
from migration.states import Fact, State
from tests.handover.conftest import fetch, offer


def hear(migration, state):
    said = {"role": "source", "fact": Fact.UNKNOWN, "incarnation": "uli14", "sequence": 1}
    return recovery.told(Told(migration_id=migration.pk, state=state, **said), fetch(migration))


@pytest.fixture
def arrived(incoming, hypervisor):
    """Inactive, accepted here; the source has not said yet that it has closed."""
    migration = incoming("prepared", inactive=True)
    offer(hypervisor, migration)
    assert hear(migration, State.SURRENDERED).state == State.STARTED
    return migration


def test_one_that_has_come_here_stays_until_its_source_has_closed(arrived, hypervisor):
    partition, padmin = fetch(arrived).partition, User.objects.get(username="padmin")
    assert partition.hold == ""
    with pytest.raises(PrerequisiteFailed) as caught:
        removal.remove(partition, user=padmin, origin="")
    assert caught.value.key == "partition-is-migrating"
    assert partition.lpar_id in hypervisor.runs
    hear(arrived, State.CLOSED_MOVED)
    hypervisor.runs[partition.lpar_id].words = []
    removal.remove(partition, user=padmin, origin="")
    assert not LogicalPartition.objects.filter(pk=partition.pk).exists()
    assert fetch(arrived).partition is None


def test_one_that_migrates_away_is_left_alone(start, uli13lp2, padmin):
    partition = start(uli13lp2).partition
    with pytest.raises(PrerequisiteFailed) as caught:
        removal.remove(partition, user=padmin, origin="")
    assert caught.value.key == "partition-held"
    assert fetch(partition.migrations.get()).partition == partition


def test_one_that_is_removed_does_not_migrate(start, uli13lp2, padmin, hypervisor):
    hypervisor.refuse("look_at_luns", "hypervisor-unreachable", host="uli13", socket="x", reason="timed out")
    refused = []

    def press_migrate():
        try:
            start(LogicalPartition.objects.get(pk=uli13lp2.pk))
        except PrerequisiteFailed as exc:
            refused.append(exc.key)

    hypervisor.before["look_at_luns"] = press_migrate
    with pytest.raises(HypervisorError):
        removal.remove(uli13lp2, user=padmin, origin="")
    assert refused == ["partition-is-held"]
    assert LogicalPartition.objects.get(pk=uli13lp2.pk).hold == ""
