"""The page of a restored database, and the banner on every page until it is settled."""

import re
import uuid
from dataclasses import replace

import pytest
from django.utils import timezone

from ivmweb.system.models import LogicalPartition
from migration.models import RemoteSystem
from tests.pages.conftest import make_facts, text_of

PAGE = "/restored-database/"
LEFT = "Other consoles know what it does not"
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


@pytest.fixture
def nothing_runs(monkeypatch):
    """The hypervisor does not have the partition."""

    class Empty:
        def describe(self, lpar_id):
            return None

    monkeypatch.setattr("migration.restored.system.hypervisor", Empty)


def test_each_page_tells_it_until_it_is_settled(as_viewer, restored):
    assert BANNER in text_of(as_viewer.get("/remote-systems/"))
    restored.held_back = False
    restored.save()
    assert BANNER not in text_of(as_viewer.get("/remote-systems/"))
    assert LEFT in text_of(as_viewer.get("/remote-systems/"))
    RemoteSystem.objects.update(lost=[])
    assert LEFT in text_of(as_viewer.get("/remote-systems/"))
    LogicalPartition.objects.update(hold="")
    assert LEFT not in text_of(as_viewer.get("/remote-systems/"))


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


def test_records_are_removed_only_after_a_question_and_the_conflict_goes_with_them(
    as_padmin, restored, uli13lp1, nothing_runs
):
    address = f"{PAGE}{uli13lp1.uuid}/remove/"
    assert address in as_padmin.get(PAGE).content.decode()
    assert "OK removes the records of uli13lp1 from this console" in text_of(as_padmin.get(address))
    assert LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()
    answer = as_padmin.post(address, follow=True)
    assert not LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()
    assert RemoteSystem.objects.get().lost == []
    assert "Conflicts" not in text_of(answer)


@pytest.mark.parametrize(("role", "state"), [("source", "closed, kept"), ("destination", "closed, moved")])
def test_an_old_status_says_where_the_partition_is_after_its_records_were_removed(
    as_padmin, restored, uli13lp1, nothing_runs, facts, make_migration, role, state
):
    migration = make_migration(state, role=role)
    before = text_of(as_padmin.get(f"/migrations/{migration.pk}/"))
    assert "uli14 has uli13lp1; this record is older than that" in before
    as_padmin.post(f"{PAGE}{uli13lp1.uuid}/remove/")
    page = text_of(as_padmin.get(f"/migrations/{migration.pk}/"))
    assert "uli14 has uli13lp1; its records were removed here" in page
    assert "On uli14, as that console has said." in page
    assert "its records here were removed by padmin: uli14 has the partition" in page
    assert not re.search("stays on uli13|has moved to uli13|start the migration again", page)


def test_what_a_third_console_said_of_it_stays(as_padmin, restored, uli13lp1, nothing_runs):
    third = RemoteSystem.objects.get()
    third.pk, third.name, third.address, third.fingerprint = None, "uli15", "127.0.0.1:8415", "BB"
    third.system_name = "Server-7998-60X-SN100E7DB"
    third.save()
    as_padmin.post(f"{PAGE}{uli13lp1.uuid}/remove/")
    assert RemoteSystem.objects.get(name="uli14").lost == []
    assert len(RemoteSystem.objects.get(name="uli15").lost) == 1


def test_the_list_and_properties_say_where_it_is(as_viewer, restored, uli13lp1, facts):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(state="Running")
    facts.clear()
    for address in ("/", "/partitions/2/properties/general/"):
        page = as_viewer.get(address).content.decode().split('id="partition-2-row"')[-1].split("</tr>")[0]
        assert '<span class="state attention">Moved to uli14</span>' in page
        assert '<span class="state good">Running' not in page
    assert "uli14 has this partition" in text_of(as_viewer.get("/partitions/2/properties/general/"))


def test_one_that_runs_here_all_the_same_is_told_as_running(as_viewer, restored, uli13lp1, facts):
    facts[2] = replace(make_facts(2, "uli13lp1"), uuid=str(uli13lp1.uuid))
    assert "Moved to uli14" not in as_viewer.get("/").content.decode().split("<tbody>")[1]


@pytest.mark.parametrize("task", ["activate", "shutdown", "go&more=migrate"])
def test_a_task_that_needs_it_here_names_the_next_step(as_padmin, restored, facts, task):
    page = text_of(as_padmin.get(f"/?partition=2&task={task}"))
    assert "[VIOSE01049000-9087]" in page
    assert "Restored Database removes its records" in page


def test_status_of_an_older_migration_does_not_claim_that_it_is_here(as_viewer, restored, make_migration, facts):
    row = make_migration(state="closed, kept", stop_requested=True)
    answer = as_viewer.get(f"/migrations/{row.pk}/")
    page = text_of(answer)
    assert "uli14 has uli13lp1; this record is older than that" in page
    assert "stays on" not in page.split("What to do")[0]
    assert "A new migration may be started at any time" not in page
