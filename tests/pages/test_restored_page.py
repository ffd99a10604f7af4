"""The page of a restored database, and the banner on every page until it is settled."""

import uuid

import pytest
from django.utils import timezone

from ivmweb.system.models import LogicalPartition
from migration.models import RemoteSystem
from tests.pages.conftest import text_of

PAGE = "/restored-database/"
BANNER = "database was restored from a backup. Nothing is activated or migrated"

UNSETTLED = "database was restored from a backup, and other consoles know what it does not"


@pytest.fixture
def restored(system, uli14, uli13lp1):
    lost = {
        "migration_id": str(uuid.uuid4()),
        "role": "destination",
        "state": "started",
        "partition_uuid": str(uli13lp1.uuid),
        "partition_name": "uli13lp1",
        "runs_here": False,
    }
    RemoteSystem.objects.update(asked=False, lost=[lost])
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="moved to uli14")
    system.restored_at, system.held_back = timezone.now(), True
    system.save()
    return system


def test_each_page_tells_it_until_it_is_settled(as_viewer, restored, uli13lp1):
    assert BANNER in text_of(as_viewer.get("/remote-systems/"))
    restored.held_back = False
    restored.save()
    page = text_of(as_viewer.get("/remote-systems/"))
    assert BANNER not in page
    assert UNSETTLED in page
    assert 'href="/restored-database/"' in page
    RemoteSystem.objects.update(lost=[])
    assert UNSETTLED in text_of(as_viewer.get("/remote-systems/"))
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="")
    assert UNSETTLED not in text_of(as_viewer.get("/remote-systems/"))


def test_records_of_a_partition_that_is_elsewhere_go_by_the_operators_word_and_settle_the_conflict(
    as_padmin, restored, uli13lp1, hypervisor
):
    hypervisor.crash()
    address = f"{PAGE}{uli13lp1.uuid}/remove/"
    assert "[VIOSE01049000-9242]" in text_of(as_padmin.post(address, follow=True))
    assert LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()
    assert "[VIOSI01049000-9237]" in text_of(as_padmin.post(address, {"claim": "on"}, follow=True))
    assert not LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()
    assert RemoteSystem.objects.get().lost == []


def test_a_partition_that_is_elsewhere_leads_to_this_page_and_not_to_an_end_that_never_comes(
    as_padmin, restored, uli13lp1, hypervisor
):
    hypervisor.crash()
    restored.held_back = False
    restored.save()
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(state="Not Activated")
    properties = text_of(as_padmin.get(f"/partitions/{uli13lp1.lpar_id}/properties/"))
    assert "It is on uli14: it was moved after the backup" in properties
    refused = as_padmin.post("/partitions/activate/", {"partition": str(uli13lp1.lpar_id)}, follow=True)
    assert "[VIOSE01049000-9099] Partition uli13lp1 (ID 2) is on uli14" in text_of(refused)


def test_status_of_an_older_migration_says_that_the_partition_is_elsewhere(as_padmin, restored, make_migration):
    old = make_migration(state="closed, kept", stop_requested=True, ended_at=timezone.now())
    page = text_of(as_padmin.get(f"/migrations/{old.pk}/"))
    assert "On uli14: it was moved after the backup" in page
    assert "There is nothing to do" not in page


def test_the_page_says_who_was_asked_and_what_is_missing_here(as_padmin, restored):
    page = text_of(as_padmin.get(PAGE))
    assert "uli14: does not answer yet" in page
    assert "is there; it does not come back to life here" in page
    assert "Remove the records of uli13lp1 here" in page


def test_two_copies_are_told_in_red(as_padmin, restored):
    remote = RemoteSystem.objects.get()
    remote.lost[0]["runs_here"] = True
    remote.save()
    page = text_of(as_padmin.get(PAGE))
    assert '<span class="state bad">runs here, and that console has it as well' in page


def test_going_on_needs_the_claim(as_padmin, restored):
    answer = as_padmin.post(PAGE + "confirm/", follow=True)
    assert "[VIOSE01049000-9233]" in text_of(answer)
    assert BANNER in text_of(answer)
    answer = as_padmin.post(PAGE + "confirm/", {"claim": "on"}, follow=True)
    assert "[VIOSI01049000-9236]" in text_of(answer)
    assert BANNER not in text_of(answer)


def test_records_of_a_partition_that_is_not_held_as_moved_are_not_removed(as_padmin, restored, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="")
    answer = as_padmin.post(f"{PAGE}{uli13lp1.uuid}/remove/", follow=True)
    assert "[VIOSE01049000-9234]" in text_of(answer)
    assert LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()


def test_a_view_only_user_sees_it_and_changes_nothing(as_viewer, restored, uli13lp1):
    page = text_of(as_viewer.get(PAGE))
    assert "uli14: does not answer yet" in page
    assert "<button" not in page.split("<main")[1].split("</main>")[0]
    assert as_viewer.post(PAGE + "confirm/", {"claim": "on"}).status_code == 403
    assert as_viewer.post(f"{PAGE}{uli13lp1.uuid}/remove/").status_code == 403
    assert BANNER in text_of(as_viewer.get(PAGE))


def test_a_database_that_was_never_restored_says_so(as_viewer, system):
    assert "was never restored" in text_of(as_viewer.get(PAGE))
