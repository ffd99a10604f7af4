"""bkprofdata and rstprofdata: what comes back, what is left as it is, and what must never come back."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from ivmweb.hypervisor.base import OwnerWord, RunState
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import pools, profile_backup, profile_files, services, shells
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PhysicalAdapter,
    PhysicalVolume,
    StoragePool,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from migration import removal
from migration.models import Migration, RemoteSystem
from migration.states import Role, State
from tests import factories

pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def backup(prompt, uli13lp1, uli13lp2):
    """Of both partitions."""
    assert prompt("bkprofdata -o backup") == ""
    assert (prompt.status, prompt.err) == (0, "")
    return profile_files.folder() / "profile.bak"


def remove(partition, hypervisor):
    shells.remove_partition(partition)
    hypervisor.runs.pop(partition.lpar_id, None)


def everything():
    """All records that a restore could change."""
    models = (LogicalPartition, VirtualServerAdapter, VirtualTargetDevice, PhysicalAdapter)
    columns = {"free_memory_mb", "free_units"}
    return [[{**row} for row in model.objects.order_by("pk").values()] for model in models] + [
        {name: getattr(ManagedSystem.objects.get(), name) for name in columns}
    ]


def migrated(partition, remote, role=Role.SOURCE, state=State.CLOSED_MOVED):
    return Migration.objects.create(
        role=role,
        type="inactive",
        state=state,
        partition_uuid=partition.uuid,
        partition_name=partition.name,
        lpar_id=partition.lpar_id,
        remote=remote,
        remote_manager="uli14",
        remote_user="padmin",
        user="padmin",
        ended_at=timezone.now(),
    )


def test_a_removed_partition_comes_back_as_it_was(prompt, backup, uli13lp2, hypervisor):
    wanted = shells.plan_of(uli13lp2)
    devices = sorted(VirtualTargetDevice.objects.values_list("name", "lun_number", "physical_volume__name"))
    free = ManagedSystem.objects.get().free_memory_mb
    remove(uli13lp2, hypervisor)
    assert prompt("rstprofdata -l 3") == ""
    assert (prompt.status, prompt.err) == (0, "")
    row = LogicalPartition.objects.get(uuid=uli13lp2.uuid)
    assert (row.state, row.hold, row.lpar_id) == ("Not Activated", "", 3)
    assert shells.plan_of(row) == wanted
    assert sorted(VirtualTargetDevice.objects.values_list("name", "lun_number", "physical_volume__name")) == devices
    assert ManagedSystem.objects.get().free_memory_mb == free
    assert hypervisor.runs[3].run_state is RunState.NOT_ACTIVATED


def test_twice_changes_nothing_more(prompt, backup, uli13lp2, hypervisor):
    remove(uli13lp2, hypervisor)
    prompt("rstprofdata -l 1")
    before = everything()
    prompt("rstprofdata -l 1")
    assert (prompt.status, prompt.err) == (0, "")
    assert everything() == before


def test_both_are_in_monitor_tasks_and_on_record(prompt, backup, uli13lp2, hypervisor):
    remove(uli13lp2, hypervisor)
    prompt("rstprofdata -l 3")
    restored, backed_up = MonitorTask.objects.all()
    assert (backed_up.name, backed_up.target, backed_up.status) == (
        "Back Up Partition Data",
        "profile.bak",
        "succeeded",
    )
    assert (restored.name, restored.status) == ("Restore Partition Data", "succeeded")
    assert [str(line.sentence) for line in restored.lines.all()] == ["Partition uli13lp2 (ID 3) was made again."]
    assert AuditEvent.objects.filter(user="padmin", outcome="accepted").count() == 2


def test_the_file_is_nobody_elses(backup):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    assert [path.name for path in backup.parent.iterdir()] == ["profile.bak"]


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize(
    ("role", "state"),
    [
        (Role.SOURCE, State.CLOSED_MOVED),
        (Role.SOURCE, State.COMPLETING),
        (Role.DESTINATION, State.DECLINED),  # it wanted to come back, and did not
        (Role.DESTINATION, State.PREPARED),  # it may come back yet
    ],
)
def test_what_has_moved_away_is_never_made_again(prompt, backup, uli13lp2, hypervisor, remote, role, state, kind):
    remove(uli13lp2, hypervisor)
    migrated(uli13lp2, remote)
    migrated(uli13lp2, remote, role, state)
    prompt(f"rstprofdata -l {kind}")
    assert prompt.status == 0
    assert prompt.err == (
        "[VIOSW01049000-9697] Partition uli13lp2 (ID 3) was left out: it has moved to uli14. Work with it there.\n"
    )
    assert not LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()
    assert 3 not in hypervisor.runs


@pytest.mark.parametrize(
    ("role", "state"), [(Role.SOURCE, State.CLOSED_KEPT), (Role.DESTINATION, State.CLOSED_MOVED)]
)
def test_what_came_back_or_never_went_and_was_removed_then_is_made_again(
    prompt, backup, uli13lp2, hypervisor, remote, role, state
):
    remove(uli13lp2, hypervisor)
    if role is Role.DESTINATION:
        migrated(uli13lp2, remote)
    migrated(uli13lp2, remote, role, state)
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    assert LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()


def test_what_a_partner_said_it_has_is_left_out(prompt, backup, uli13lp2, hypervisor, remote):
    remove(uli13lp2, hypervisor)
    RemoteSystem.objects.update(has=[str(uli13lp2.uuid)])
    prompt("rstprofdata -l 3")
    assert prompt.status == 0
    assert prompt.err == (
        "[VIOSW01049000-9611] Partition uli13lp2 (ID 3) was left out: it has moved to uli14, as that console said "
        "when asked last. Work with it there. Where it has left uli14 since, press Ask the other consoles again in "
        "Restored Database, then restore again.\n"
    )
    assert not LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()


@pytest.mark.parametrize(
    ("role", "state"), [(Role.SOURCE, State.CLOSED_KEPT), (Role.DESTINATION, State.CLOSED_MOVED)]
)
def test_a_partners_word_counts_against_a_migration_of_before_the_backup(
    prompt, backup, uli13lp2, hypervisor, remote, role, state
):
    remove(uli13lp2, hypervisor)
    migrated(uli13lp2, remote, role, state)
    RemoteSystem.objects.update(has=[str(uli13lp2.uuid)])
    prompt("rstprofdata -l 3")
    assert (prompt.status, "[VIOSW01049000-9611]" in prompt.err) == (0, True)
    assert not LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()


def test_luns_that_name_another_system_keep_a_partition_out(prompt, backup, uli13lp2, hypervisor):
    remove(uli13lp2, hypervisor)
    hypervisor.san[data.unique_id(9)] = OwnerWord(str(uli13lp2.uuid), data.ULI14.identity, "a migration")
    prompt("rstprofdata -l 3")
    assert prompt.status == 0
    assert prompt.err.startswith("[VIOSW01049000-9698] Partition uli13lp2 (ID 3) was left out: its LUNs say that")
    assert data.ULI14.identity in prompt.err
    assert not LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()


@pytest.mark.parametrize("kind", [1, 2])
def test_properties_of_one_that_is_off_come_back_where_the_backup_goes_first(prompt, backup, uli13lp2, kind):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(memory_mb=2048, memory_maximum_mb=4096, name="renamed")
    ManagedSystem.objects.update(free_memory_mb=ManagedSystem.objects.get().free_memory_mb - 1024)
    free = ManagedSystem.objects.get().free_memory_mb
    prompt("rstprofdata -l 3")
    assert LogicalPartition.objects.get(pk=uli13lp2.pk).memory_mb == 2048
    prompt(f"rstprofdata -l {kind}")
    row = LogicalPartition.objects.get(pk=uli13lp2.pk)
    assert (prompt.status, prompt.err) == (0, "")
    assert (row.memory_mb, row.name) == (uli13lp2.memory_mb, "uli13lp2")
    assert ManagedSystem.objects.get().free_memory_mb == free + 1024
    assert VirtualTargetDevice.objects.filter(adapter__partition=row).count() == 5


@pytest.mark.parametrize("kind", [1, 2])
def test_what_runs_or_is_reserved_is_left_as_it_is_and_named(prompt, backup, uli13lp1, uli13lp2, kind):
    LogicalPartition.objects.update(uncapped_weight=7)
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(hold="migration 0a4ba2d2-5a0c-4c5b-9b3e-2a4b0c8f1d11")
    before = everything()
    prompt(f"rstprofdata -l {kind}")
    assert prompt.status == 0
    running, reserved = prompt.err.splitlines()
    assert running.startswith(
        "[VIOSW01049000-9684] Partition uli13lp1 (ID 2) was left as it is: its state is Running"
    )
    assert reserved.startswith("[VIOSW01049000-9699] Partition uli13lp2 (ID 3) was left as it is: it is reserved")
    assert everything() == before


def test_one_that_the_hypervisor_runs_already_is_not_taken_for_off(prompt, backup, uli13lp2, hypervisor):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(uncapped_weight=7)
    hypervisor.boot(3)
    prompt("rstprofdata -l 1")
    assert "[VIOSW01049000-9684]" in prompt.err
    assert LogicalPartition.objects.get(pk=uli13lp2.pk).uncapped_weight == 7


def take_name(_hypervisor):
    services.reserve_shell(factories.small_plan("uli13lp2"), "", "Not Activated")


def take_id(_hypervisor):
    services.reserve_shell(factories.small_plan(lpar_id=3), "", "Not Activated")


def take_lun(_hypervisor):
    plan = factories.small_plan(adapters=(factories.adapter_plan(9),))
    services.reserve_shell(plan, "", "Not Activated")


def take_memory(_hypervisor):
    ManagedSystem.objects.update(free_memory_mb=16)


def take_network(_hypervisor):
    from ivmweb.system.models import VirtualEthernet

    VirtualEthernet.objects.all().delete()


def own_lun(hypervisor):
    hypervisor.san[data.unique_id(9)] = OwnerWord("another", data.ULI13.identity)


def hide_luns(hypervisor):
    from ivmweb.hypervisor.base import LunFacts

    hypervisor.look_at_luns = lambda luns: tuple(LunFacts(lun.unique_id, None, "no path") for lun in luns)


def silence(hypervisor):
    hypervisor.is_reachable = False


def hold_back(_hypervisor):
    ManagedSystem.objects.update(held_back=True)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (take_name, "9063"),
        (take_id, "9692"),
        (take_lun, "9067"),
        (take_memory, "9060"),
        (take_network, "9084"),
        (own_lun, "9690"),
        (hide_luns, "9691"),
        (silence, "9400"),
        (hold_back, ""),
    ],
)
def test_where_one_can_not_be_made_nothing_is_changed(prompt, backup, uli13lp1, uli13lp2, hypervisor, trouble, code):
    remove(uli13lp1, hypervisor)
    remove(uli13lp2, hypervisor)
    trouble(hypervisor)
    before = everything()
    assert prompt("rstprofdata -l 1") == ""
    assert prompt.status == 1
    assert f"-{code}" in prompt.err
    assert len(prompt.err.splitlines()) == 1
    assert everything() == before
    assert MonitorTask.objects.first().status == "failed"


def test_a_run_without_a_record_is_not_given_one(prompt, backup, uli13lp1):
    shells.remove_partition(uli13lp1)
    before = everything()
    prompt("rstprofdata -l 3")
    assert (prompt.status, "[VIOSE01049000-9694]" in prompt.err) == (1, True)
    assert everything() == before


def test_logical_volumes_and_physical_adapters_come_back_too(prompt, uli13lp2, hypervisor):
    pool = StoragePool.objects.create(name="datavg", size_mb=1024)
    volume = LogicalVolume.objects.create(pool=pool, name="lv_é,1", size_mb=64)
    adapter = uli13lp2.server_adapters.get()
    VirtualTargetDevice.objects.create(name="boot", adapter=adapter, lun_number=0x90, logical_volume=volume)
    slot = PhysicalAdapter.objects.first()
    PhysicalAdapter.objects.filter(pk=slot.pk).update(partition=uli13lp2)
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(name='a "b", é', workload_group=4)
    prompt("bkprofdata -o backup -f with.lv-1_x")
    remove(uli13lp2, hypervisor)
    PhysicalAdapter.objects.filter(pk=slot.pk).update(partition=LogicalPartition.objects.get(lpar_id=1))
    prompt("rstprofdata -l 3 -f with.lv-1_x")
    assert (prompt.status, prompt.err) == (0, "")
    row = LogicalPartition.objects.get(uuid=uli13lp2.uuid)
    assert (row.name, row.workload_group) == ('a "b", é', 4)
    device = VirtualTargetDevice.objects.get(logical_volume=volume)
    assert (device.name, device.lun_number, device.adapter.partition) == ("boot", 0x90, row)
    assert PhysicalAdapter.objects.get(pk=slot.pk).partition == row
    remove(row, hypervisor)
    volume.delete()
    before = everything()
    prompt("rstprofdata -l 3 -f with.lv-1_x")
    assert (prompt.status, "[VIOSE01049000-9693]" in prompt.err) == (1, True)
    assert everything() == before


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", ".hidden", "a b", "é", "x" * 65, "''"])
@pytest.mark.parametrize("command", ["bkprofdata -o backup", "rstprofdata -l 1", "rstprofdata -l 2"])
def test_a_name_is_no_path(prompt, uli13lp1, tmp_path, command, name):
    shown = name if name == "''" else f'"{name}"'
    assert prompt(f"{command} -f {shown}") == ""
    assert prompt.status == 1
    assert "[VIOSE01049000-9686]" in prompt.err
    assert not list(tmp_path.rglob("*.bak"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"format": 2}',
        "null",
        "\x00" * 9,
        '{"format":1,"system":"x","partitions":[{}]}',
        "x" * 9_000_000,
    ],
)
def test_a_damaged_file_changes_nothing(prompt, backup, content):
    backup.write_text(content)
    before = everything()
    prompt("rstprofdata -l 1")
    assert (prompt.status, prompt.out) == (1, "")
    assert prompt.err.startswith("[VIOSE01049000-9688] The backup profile.bak can't be used: ")
    assert len(prompt.err) < 500
    assert everything() == before


def test_another_systems_backup_is_refused(prompt, backup):
    content = json.loads(backup.read_text())
    backup.write_text(json.dumps({**content, "system": "9999-AAA*1"}))
    prompt("rstprofdata -l 1")
    assert "[VIOSE01049000-9689]" in prompt.err


def test_a_partition_twice_in_it_is_refused(prompt, backup):
    content = json.loads(backup.read_text())
    content["partitions"].append(content["partitions"][0])
    backup.write_text(json.dumps(content))
    prompt("rstprofdata -l 1")
    assert "[VIOSE01049000-9688]" in prompt.err


def test_a_backup_that_is_not_there_is_said_with_those_that_are(prompt, backup):
    prompt("rstprofdata -l 1 -f other")
    assert prompt.status == 1
    assert prompt.err == (
        "[VIOSE01049000-9687] There is no backup other on this console; there is: profile.bak. Name one of these, or "
        "make one first.\n"
    )


def test_there_are_so_many_and_no_more(prompt, backup, monkeypatch):
    monkeypatch.setattr(profile_files, "MOST_FILES", 1)
    prompt("bkprofdata -o backup -f second")
    assert (prompt.status, "[VIOSE01049000-9695]" in prompt.err) == (1, True)
    prompt("bkprofdata -o backup")  # in the place of the first
    assert prompt.status == 0


def test_a_disk_that_takes_nothing_leaves_the_earlier_backup(prompt, backup, monkeypatch):
    before = backup.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(profile_files.os, "fsync", full)
    prompt("bkprofdata -o backup")
    assert (prompt.status, "No space left on device" in prompt.err) == (1, True)
    assert backup.read_bytes() == before
    assert len(list(backup.parent.iterdir())) == 1


@pytest.mark.parametrize("line", ["bkprofdata -o backup", "rstprofdata -l 1", "rstprofdata -l 2"])
def test_a_viewer_may_neither(viewer, uli13lp1, tmp_path, line):
    viewer(line)
    assert viewer.status == 1
    assert "may not change partitions and settings" in viewer.err
    assert not profile_files.folder().exists()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("bkprofdata", "0006"),
        ("bkprofdata -o restore", "9550"),
        ("rstprofdata", "0006"),
        ("rstprofdata -l 4", "9640"),
        ("rstprofdata -l 5", "9550"),
        ("rstprofdata -l ''", "0006"),
        ("rstprofdata -l 1 -m other", "9557"),
    ],
)
def test_wrong_input_is_said(prompt, backup, line, code):
    prompt(line)
    assert (prompt.status, prompt.out) == (1, "")
    assert f"-{code}]" in prompt.err


def test_what_moved_by_another_consoles_word_is_not_backed_up(prompt, uli13lp1, uli13lp2):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="moved to uli14")
    prompt("bkprofdata -o backup")
    assert [one.columns.name for one in profile_files.read("profile.bak").partitions] == ["uli13lp2"]


def test_a_backup_takes_as_many_queries_for_many(uli13lp1, uli13lp2, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        profile_backup.snapshot()
    for number in range(10, 20):
        plan = factories.small_plan(f"lp{number}", number, 16, "0.01")
        services.reserve_shell(plan, "", "Not Activated")
    with CaptureQueriesContext(connection) as many:
        profile_backup.snapshot()
    assert len(many) == len(few)


def test_one_that_is_removed_before_the_hypervisor_hears_of_it_is_not_defined_again(
    prompt, padmin, backup, uli13lp1, uli13lp2, hypervisor
):
    remove(uli13lp1, hypervisor)
    remove(uli13lp2, hypervisor)

    def rival():
        removal.remove(LogicalPartition.objects.get(uuid=uli13lp2.uuid), user=padmin, origin="rival")

    hypervisor.before["create"] = rival  # of the first one
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    assert not LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()
    assert sorted(hypervisor.runs) == [2]


def test_what_is_changed_after_the_commit_is_not_told_as_the_backups(prompt, backup, uli13lp1, uli13lp2, hypervisor):
    """A later change tells the hypervisor itself, by a newer epoch."""
    remove(uli13lp1, hypervisor)
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(memory_maximum_mb=2048)

    def rival():
        LogicalPartition.objects.filter(pk=uli13lp2.pk).update(name="later")
        hypervisor.create(services.definition_of(LogicalPartition.objects.get(pk=uli13lp2.pk)), operator_fence())

    hypervisor.before["create"] = rival
    prompt("rstprofdata -l 1")
    assert (prompt.status, prompt.err) == (0, "")
    assert hypervisor.runs[3].definition.name == "later"


def test_two_backups_of_one_name_at_once_are_both_whole(uli13lp1, backup, monkeypatch):
    first = profile_backup.snapshot()
    second = first.model_copy(update={"partitions": ()})
    sync = os.fsync

    def rival(descriptor):
        monkeypatch.setattr(os, "fsync", sync)
        profile_files.write("profile.bak", second)
        assert profile_files.read("profile.bak") == second
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", rival)
    profile_files.write("profile.bak", first)
    assert profile_files.read("profile.bak") == first
    assert [path.name for path in backup.parent.iterdir()] == ["profile.bak"]


def test_a_backups_name_is_on_the_disk_as_its_content_is(backup, monkeypatch):
    synced = []
    sync = os.fsync

    def noted(descriptor):
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    profile_files.write("profile.bak", profile_files.read("profile.bak"))
    assert [path.parent for path in synced] == [backup.parent, backup.parent.parent]


def edited(backup, index, **values):
    """The backup of the partition at that place, with other values of its own."""
    content = json.loads(backup.read_text())
    content["partitions"][index]["columns"].update(values)
    backup.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"memory_mb": 1000}, "9078"),
        ({"memory_maximum_mb": 2**31 - 1}, "9075"),
        ({"memory_minimum_mb": 2048, "memory_mb": 1024}, "9079"),
        ({"virtual_processors_maximum": 65}, "9075"),
        ({"uncapped_weight": 256}, "9075"),
        ({"compatibility_mode": "POWER99"}, "9076"),
        ({"workload_group": 256}, "9075"),
        ({"max_virtual_slots": 3}, "9075"),
        ({"processing_units_maximum": "0.05"}, "9075"),
    ],
)
@pytest.mark.parametrize("is_here", [True, False])
def test_what_no_page_would_take_is_refused(prompt, backup, uli13lp2, hypervisor, values, code, is_here):
    edited(backup, 1, **values)
    if not is_here:
        remove(uli13lp2, hypervisor)
    before = everything()
    assert prompt("rstprofdata -l 1") == ""
    assert prompt.status == 1
    assert len(prompt.err.splitlines()) == 1
    assert f"[VIOSE01049000-{code}]" in prompt.err
    assert everything() == before


def test_fewer_slots_than_an_adapter_of_later_needs_are_refused(prompt, backup, uli13lp2):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(max_virtual_slots=60)
    uli13lp2.ethernet_adapters.create(slot=50, vlan_id=1, mac_address="0A0A0A0A0A32")
    before = everything()
    prompt("rstprofdata -l 1")
    assert (prompt.status, prompt.err) == (
        1,
        "[VIOSE01049000-9622] Partition uli13lp2 (ID 3) has an adapter in virtual slot 50, so 20 is too few virtual "
        "slots; it needs 51. Choose more, or remove that adapter first.\n",
    )
    assert everything() == before


def test_a_name_that_another_one_has_now_is_refused(prompt, backup, uli13lp2):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(name="renamed")
    services.reserve_shell(factories.small_plan("uli13lp2"), "", "Not Activated")
    before = everything()
    prompt("rstprofdata -l 1")
    assert (prompt.status, "[VIOSE01049000-9063]" in prompt.err) == (1, True)
    assert everything() == before


def test_a_name_that_another_console_has_given_comes_back(prompt, uli13lp2):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(name='a "b", é')
    prompt("bkprofdata -o backup")
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(name="plain")
    prompt("rstprofdata -l 1")
    assert (prompt.status, prompt.err) == (0, "")
    assert LogicalPartition.objects.get(pk=uli13lp2.pk).name == 'a "b", é'


def drive_of(partition, **fields):
    return VirtualTargetDevice.objects.create(
        **{"name": "vtopt0", "adapter": partition.server_adapters.get(), "lun_number": 0x90, "is_optical": True}
        | fields
    )


def test_an_optical_drive_comes_back_empty(prompt, uli13lp2, hypervisor):
    medium = VirtualMedium.objects.create(name="aix.iso", size_mb=8)
    drive_of(uli13lp2, name="cd_é,1", is_user_defined=True, medium=medium)
    prompt("bkprofdata -o backup")
    remove(uli13lp2, hypervisor)
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    drive = VirtualTargetDevice.objects.get(is_optical=True)
    assert (drive.name, drive.lun_number, drive.is_user_defined) == ("cd_é,1", 0x90, True)
    assert (drive.medium, drive.adapter.partition.uuid) == (None, uli13lp2.uuid)


def test_a_backup_of_before_there_were_drives_in_it_is_taken(prompt, backup, uli13lp2, hypervisor):
    content = json.loads(backup.read_text())
    for disk in content["partitions"][1]["adapters"][0]["disks"]:
        del disk["is_optical"]
    backup.write_text(json.dumps(content))
    remove(uli13lp2, hypervisor)
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    assert VirtualTargetDevice.objects.filter(adapter__partition__uuid=uli13lp2.uuid).count() == 5


def test_a_vhost_has_its_slot_again_where_that_is_free(prompt, uli13lp2, hypervisor):
    uli13lp2.server_adapters.update(slot=41)
    prompt("bkprofdata -o backup")
    remove(uli13lp2, hypervisor)
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    row = LogicalPartition.objects.get(uuid=uli13lp2.uuid)
    assert row.server_adapters.get().slot == 41
    remove(row, hypervisor)
    other = services.reserve_shell(factories.small_plan(), "", "Not Activated")
    other.server_adapters.create(name="vhost7", slot=41, client_slot=3)
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    assert VirtualServerAdapter.objects.get(partition__uuid=uli13lp2.uuid).slot == 13


def test_names_are_taken_by_devices_of_every_kind(prompt, uli13lp2, hypervisor):
    pool = StoragePool.objects.create(name="datavg", size_mb=1024)
    volume = LogicalVolume.objects.create(pool=pool, name="data", size_mb=64)
    adapter = uli13lp2.server_adapters.get()
    VirtualTargetDevice.objects.create(
        name="boot", is_user_defined=True, adapter=adapter, lun_number=0x91, logical_volume=volume
    )
    drive_of(uli13lp2, name="vtopt0")
    disk = adapter.target_devices.order_by("lun_number").first().name
    prompt("bkprofdata -o backup")
    remove(uli13lp2, hypervisor)
    for name in (adapter.name, disk, "boot", "vtopt0"):
        LogicalVolume.objects.create(pool=pool, name=name, size_mb=64)
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    here = VirtualServerAdapter.objects.get(partition__uuid=uli13lp2.uuid)
    devices = {device.lun_number: device for device in here.target_devices.all()}
    every = pools.taken_names()
    models = (VirtualTargetDevice, VirtualServerAdapter, PhysicalVolume, LogicalVolume, StoragePool)
    assert len(every) == sum(model.objects.count() for model in models)
    assert (devices[0x90].name, devices[0x91].is_user_defined) == ("vtopt1", False)
    lines = [str(line.sentence) for line in MonitorTask.objects.first().lines.all()]
    assert lines == [
        "Partition uli13lp2 (ID 3) was made again.",
        *(
            f"{old} of partition uli13lp2 (ID 3) is called {new}: another device has its name."
            for old, new in (
                (adapter.name, here.name),
                (disk, devices[0x81].name),
                ("vtopt0", "vtopt1"),
                ("boot", devices[0x91].name),
            )
        ),
    ]


def define_another(hypervisor, lpar_id):
    """That is off, and in no record."""
    definition = replace(hypervisor.runs[lpar_id].definition, uuid=str(uuid4()), name="stranger")
    hypervisor.runs[lpar_id].definition = definition
    return definition


@pytest.mark.parametrize("is_here", [True, False])
def test_anothers_definition_below_is_not_replaced(prompt, backup, uli13lp2, hypervisor, is_here):
    stranger = define_another(hypervisor, 3)
    if is_here:
        LogicalPartition.objects.filter(pk=uli13lp2.pk).update(uncapped_weight=7)
    else:
        shells.remove_partition(uli13lp2)
    before = everything()
    prompt("rstprofdata -l 1")
    assert prompt.status == 1
    assert prompt.err == (
        "[VIOSE01049000-9610] Partition uli13lp2 of the backup has the ID 3, under which the hypervisor has another "
        "partition, stranger, which is in no record. Nothing was changed. Find out what that one is, and end it "
        "first.\n"
    )
    assert everything() == before
    assert hypervisor.runs[3].definition == stranger


@pytest.mark.parametrize("twice", ["LUN number", "slot"])
def test_what_the_database_refuses_is_said(prompt, uli13lp2, hypervisor, twice):
    drive_of(uli13lp2)
    prompt("bkprofdata -o backup")
    backup = profile_files.folder() / "profile.bak"
    content = json.loads(backup.read_text())
    saved = content["partitions"][0]
    if twice == "LUN number":
        saved["adapters"][0]["disks"][-1]["lun_number"] = 0x81
    else:
        saved["ethernets"].append({**saved["ethernets"][0], "mac_address": "0A0A0A0A0A32"})
    backup.write_text(json.dumps(content))
    remove(uli13lp2, hypervisor)
    before = everything()
    assert prompt("rstprofdata -l 3") == ""
    assert prompt.status == 1
    assert prompt.err.startswith("[VIOSE01049000-9069] The configuration of partition uli13lp2 (ID 3) contradicts")
    assert len(prompt.err.splitlines()) == 1
    assert everything() == before


def test_an_adapter_above_the_most_slots_is_refused(prompt, backup, uli13lp2, hypervisor):
    content = json.loads(backup.read_text())
    content["partitions"][1]["adapters"][0]["client_slot"] = 50
    backup.write_text(json.dumps(content))
    remove(uli13lp2, hypervisor)
    before = everything()
    prompt("rstprofdata -l 3")
    assert (prompt.status, "[VIOSE01049000-9622]" in prompt.err) == (1, True)
    assert everything() == before


def make_old(backup):
    content = json.loads(backup.read_text())
    backup.write_text(json.dumps({**content, "made_at": "2020-01-01T00:00:00Z"}))


def test_an_old_backup_makes_what_its_luns_say_is_still_ours(prompt, backup, uli13lp2, hypervisor):
    make_old(backup)
    remove(uli13lp2, hypervisor)
    prompt("rstprofdata -l 3")
    assert (prompt.status, prompt.err) == (0, "")
    assert LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()


def test_an_old_backup_makes_nothing_whose_move_may_be_forgotten(prompt, backup, uli13lp2, hypervisor):
    make_old(backup)
    remove(uli13lp2, hypervisor)
    hypervisor.san.clear()  # free LUNs, as of a partition that was never activated
    prompt("rstprofdata -l 3")
    assert prompt.status == 0
    assert prompt.err.startswith("[VIOSW01049000-9683] Partition uli13lp2 (ID 3) was left out: the backup is older")
    assert not LogicalPartition.objects.filter(uuid=uli13lp2.uuid).exists()


OTHER = UUID("0e59fcba-0e7e-4e5b-9a3c-000000000000")


def test_whose_a_lun_is_that_a_restore_needs_is_told_by_name(prompt, backup, uli13lp1, uli13lp2, hypervisor, remote):
    from migration.models import Migration

    remove(uli13lp1, hypervisor)
    remove(uli13lp2, hypervisor)
    hypervisor.san[data.unique_id(9)] = OwnerWord(str(OTHER), data.ULI13.identity)
    names = {"partition_name": "web", "lpar_id": 7, "partition_uuid": OTHER, "remote": remote}
    Migration.objects.create(role="destination", state="closed, moved", **names)
    assert prompt("rstprofdata -l 3") == ""
    assert f"says that it belongs to partition web on {data.ULI13.identity}. Nothing was changed." in prompt.err
