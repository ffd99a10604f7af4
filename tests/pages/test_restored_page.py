"""The page of a restored database, and the banner on every page until it is settled."""

import uuid

import pytest
from django.utils import timezone

from ivmweb.system.models import LogicalPartition
from migration.models import RemoteSystem
from tests.pages.conftest import text_of

PAGE = "/restored-database/"
BANNER = "database was restored from a backup. Nothing is activated or migrated"


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


def test_each_page_tells_it_until_it_is_settled(as_viewer, restored):
    assert BANNER in text_of(as_viewer.get("/remote-systems/"))
    restored.held_back = False
    restored.save()
    assert BANNER not in text_of(as_viewer.get("/remote-systems/"))


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
