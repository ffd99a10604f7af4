"""The page of a restored database, and the banner on every page until it is settled."""

import re
import uuid
from dataclasses import replace

import pytest
from django.utils import timezone

from ivmweb.common.errors import HypervisorError, PeerError
from ivmweb.hypervisor.base import OwnerWord, RunState
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import LogicalPartition, PhysicalVolume
from migration.models import RemoteSystem
from migration.peer.messages import OpenAnswer
from tests.pages.conftest import make_facts, text_of

PAGE = "/restored-database/"
LEFT = "something is still to be settled"
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


class Has(list):
    """Partitions, by their UUIDs."""

    def __init__(self):
        super().__init__()
        self.without_record = []


@pytest.fixture
def uli14_has(monkeypatch):
    """The partitions that uli14 says it has, or the error that is all that comes of asking."""
    has = Has()

    def ask(remote, wanted=None):
        if has and isinstance(has[0], PeerError):
            raise has[0]
        on_record = tuple(one for one in has if one not in has.without_record)
        return OpenAnswer(migrations=(), present=tuple(has), on_record=on_record)

    monkeypatch.setattr("migration.lost.ask", ask)
    return has


@pytest.fixture
def nothing_runs(hypervisor, uli14_has, uli13lp1):
    """The hypervisor here does not have the partition; uli14 has it."""
    uli14_has.append(uli13lp1.uuid)


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


def test_going_on_needs_the_claim(as_padmin, restored, hypervisor):
    answer = as_padmin.post(PAGE + "confirm/", follow=True)
    assert "[VIOSE01049000-9233]" in text_of(answer)
    assert BANNER in text_of(answer)
    answer = as_padmin.post(PAGE + "confirm/", {"claim": "on"}, follow=True)
    assert "[VIOSI01049000-9236]" in text_of(answer)
    assert BANNER not in text_of(answer)
    assert "uli14: has not answered; an operator went on without it" in text_of(answer)


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


def remove(client, partition):
    return text_of(client.post(f"{PAGE}{partition.uuid}/remove/", follow=True))


def test_records_that_may_be_the_only_ones_stay(as_padmin, restored, uli13lp1, hypervisor, uli14_has):
    """What that console said when it was asked may not be so any more."""
    assert "[VIOSE01049000-9274]" in remove(as_padmin, uli13lp1)
    uli14_has.append(uli13lp1.uuid)
    uli14_has.without_record.append(uli13lp1.uuid)
    assert "[VIOSE01049000-9275]" in remove(as_padmin, uli13lp1)
    uli14_has[0] = PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="3")
    assert "[VIOSE01049000-9272]" in remove(as_padmin, uli13lp1)
    RemoteSystem.objects.update(removed_at=timezone.now())
    assert "[VIOSE01049000-9273]" in remove(as_padmin, uli13lp1)
    assert LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()


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


# What no record tells of


def test_luns_that_say_another_server_are_shown_with_the_way_out(as_padmin, system, uli14, uli13lp1, hypervisor):
    settle(system)
    strand(uli13lp1, hypervisor)
    page = text_of(as_padmin.get(PAGE))
    assert "uli13lp1: its LUNs say that it is on uli14 (7998-60X*100E7DA)" in page
    assert "Take the LUNs of uli13lp1" in page


def settle(system):
    """A restore that is over: every partner was asked."""
    system.restored_at = timezone.now()
    system.save()
    RemoteSystem.objects.update(system_identity=data.ULI14.identity)


def strand(partition, hypervisor):
    word = OwnerWord(str(partition.uuid), data.ULI14.identity)
    define(partition, hypervisor)
    hypervisor.enter(partition.lpar_id, RunState.NOT_ACTIVATED)
    hypervisor.runs[partition.lpar_id].words = [word] * 5
    volumes = PhysicalVolume.objects.filter(target_device__adapter__partition=partition)
    hypervisor.san |= {volume.unique_id: word for volume in volumes}
    LogicalPartition.objects.filter(pk=partition.pk).update(state="Not Activated")


def define(partition, hypervisor):
    hypervisor.create(services.definition_of(partition), operator_fence())


def take(client, partition):
    fields = {"name": partition.name, "claim": "on"}
    return text_of(client.post(f"{PAGE}{partition.uuid}/take/", fields, follow=True))


def test_they_are_taken_where_their_server_has_it_not(as_padmin, system, uli14, uli13lp1, hypervisor, uli14_has):
    settle(system)
    strand(uli13lp1, hypervisor)
    assert "[VIOSI01049000-9269]" in take(as_padmin, uli13lp1)
    assert {word.system for word in hypervisor.runs[uli13lp1.lpar_id].words} == {data.ULI13.identity}
    assert MonitorTask.objects.get(name="Take LUNs").status == "succeeded"


@pytest.mark.parametrize("fields", [{"name": "uli13lp2", "claim": "on"}, {"name": "uli13lp1"}, {}])
def test_not_without_name_and_claim(as_padmin, system, uli14, uli13lp1, hypervisor, uli14_has, fields):
    settle(system)
    strand(uli13lp1, hypervisor)
    answer = text_of(as_padmin.post(f"{PAGE}{uli13lp1.uuid}/take/", fields, follow=True))
    assert "[VIOSE01049000-" in answer
    assert {word.system for word in hypervisor.runs[uli13lp1.lpar_id].words} == {data.ULI14.identity}


def test_not_where_their_server_has_it_or_is_silent(as_padmin, system, uli14, uli13lp1, hypervisor, uli14_has):
    settle(system)
    strand(uli13lp1, hypervisor)
    uli14_has.append(uli13lp1.uuid)
    assert "[VIOSE01049000-9266]" in take(as_padmin, uli13lp1)
    uli14_has[0] = PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="3")
    assert "[VIOSE01049000-9265]" in take(as_padmin, uli13lp1)
    assert {word.system for word in hypervisor.runs[uli13lp1.lpar_id].words} == {data.ULI14.identity}


def test_a_viewer_sees_it_and_can_do_nothing(as_viewer, system, uli14, uli13lp1, hypervisor, uli14_has):
    settle(system)
    strand(uli13lp1, hypervisor)
    page = text_of(as_viewer.get(PAGE))
    assert "its LUNs say that it is on uli14" in page
    assert "Take the LUNs" not in page
    answer = as_viewer.post(f"{PAGE}{uli13lp1.uuid}/take/", {"name": "uli13lp1", "claim": "on"})
    assert answer.status_code == 403
    assert {word.system for word in hypervisor.runs[uli13lp1.lpar_id].words} == {data.ULI14.identity}


@pytest.mark.parametrize("runs", [True, False])
def test_what_the_hypervisor_has_and_no_record_is_shown_and_removed(as_padmin, system, uli13lp1, hypervisor, runs):
    settle(system)
    define(uli13lp1, hypervisor)
    if runs:
        hypervisor.boot(uli13lp1.lpar_id)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).delete()
    page = text_of(as_padmin.get(PAGE))
    assert ("runs on this server, and is in no record" in page) is runs
    address = f"{PAGE}{uli13lp1.uuid}/end/"
    assert "[VIOSE01049000-" in text_of(as_padmin.post(address, {"name": "uli13lp1"}, follow=True))
    assert uli13lp1.lpar_id in hypervisor.runs
    fields = {"name": "uli13lp1", "claim": "on"}
    assert "[VIOSE01049000-9276]" in text_of(as_padmin.post(address, fields, follow=True))
    assert uli13lp1.lpar_id in hypervisor.runs
    answer = as_padmin.post(address, fields | {"may_be_last": "on"}, follow=True)
    assert "[VIOSI01049000-9270]" in text_of(answer)
    assert uli13lp1.lpar_id not in hypervisor.runs


def test_what_another_console_has_on_record_is_not_the_last_of_it(
    as_padmin, system, uli14, uli13lp1, hypervisor, uli14_has
):
    settle(system)
    define(uli13lp1, hypervisor)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).delete()
    assert "what is removed here is the last of it" in text_of(as_padmin.get(PAGE))
    RemoteSystem.objects.update(on_record=[str(uli13lp1.uuid)])
    page = text_of(as_padmin.get(PAGE))
    assert "On record at: uli14." in page
    assert "Its definition may be gone" not in page
    uli14_has.append(uli13lp1.uuid)
    fields = {"name": "uli13lp1", "claim": "on"}
    assert "[VIOSI01049000-9270]" in text_of(as_padmin.post(f"{PAGE}{uli13lp1.uuid}/end/", fields, follow=True))


def test_asked_again_a_console_that_has_it_no_more_lets_it_go(as_padmin, restored, uli13lp1, hypervisor, uli14_has):
    answer = text_of(as_padmin.post(f"{PAGE}ask/", follow=True))
    assert "[VIOSI01049000-9271]" in answer
    assert LogicalPartition.objects.get(pk=uli13lp1.pk).hold == ""


def test_of_a_database_that_was_never_restored_nobody_is_asked(as_padmin, system, uli14):
    assert "[VIOSE01049000-9263]" in text_of(as_padmin.post(f"{PAGE}ask/", follow=True))


def test_a_silent_hypervisor_is_said(as_padmin, system, uli14, uli13lp1, monkeypatch):
    settle(system)

    def fails():
        raise HypervisorError("hypervisor-unreachable", reason="no such file", host="uli13", socket="s")

    monkeypatch.setattr("migration.stranded.system.hypervisor", fails)
    assert "[VIOSE01049000-94" in text_of(as_padmin.get(PAGE))
