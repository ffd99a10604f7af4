"""A libvirt domain becomes a partition: what is compared with this console, what is written, and what is refused."""

import io
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.hypervisor.base import GuestKind, OwnerWord
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import services
from ivmweb.system.libvirt import adoption, running, xml_file
from ivmweb.system.libvirt.adoption import Choices
from ivmweb.system.libvirt.domain import understand
from ivmweb.system.libvirt.findings import Verdict
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    ManagedSystem,
    PhysicalVolume,
    VirtualEthernet,
    VirtualEthernetAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.rights import Operator
from tests.system.support import refusal_that_leaves

DOMAINS = Path(__file__).parent / "domains"
PSERIES = GuestKind("pseries-10.0", "power9", "tcg", "spapr-vscsi")
Q35 = GuestKind("pc-q35-10.0", "host", "kvm", "virtio-scsi")
DB01 = "3f0c2b6e-52a1-4f0e-9d1b-0c6f7f0a9e11"
ROOT, DATA = 3, 4  # hdisks that nobody has
OTHER = DATA
IDENTITY = "36005076801810523100000000000004a"


@pytest.fixture(autouse=True)
def machine_without_libvirt(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(running, "PROCESSES", tmp_path / "proc")


@pytest.fixture
def guests(hypervisor):
    hypervisor.guests = PSERIES


@pytest.fixture
def disks(uli13, tmp_path):
    """Files of hdisk9 and hdisk10."""
    for number in (ROOT, DATA):
        path = tmp_path / f"lun{number}"
        path.touch()
        PhysicalVolume.objects.filter(name=f"hdisk{number}").update(path=str(path))
    return tmp_path


@pytest.fixture
def domain(disks, guests):
    """A file of tests/system/domains, its disks at this console's."""

    def read(name="pseries.xml", **words):
        text = (DOMAINS / name).read_text()
        words = {"'ROOT'": f"'{disks}/lun{ROOT}'", "'DATA'": f"'{disks}/lun{DATA}'", **words}
        for old, new in words.items():
            assert old in text or old in ("'ROOT'", "'DATA'"), old
            text = text.replace(old, new)
        return understand(xml_file.parse(text.encode(), name), name)

    return read


def planned(domain, **choices):
    return adoption.plan(domain, Choices(**choices), user=Operator())


def adopt(domain, **choices):
    plan = planned(domain, **choices)
    adoption.adopt(plan, user=Operator(), origin="manage.py")
    return LogicalPartition.objects.get(name=plan.wanted.name)


def everything():
    return (
        list(LogicalPartition.objects.order_by("pk").values()),
        VirtualEthernetAdapter.objects.count(),
        VirtualTargetDevice.objects.count(),
        ManagedSystem.objects.values_list("free_memory_mb", "free_units").get(),
    )


refusal = refusal_that_leaves(everything)


def words_about(plan, what, verdict=Verdict.LEFT):
    return [one.words for one in plan.findings if one.what.startswith(what) and one.verdict is verdict]


def luns_of(row):
    return [lun.unique_id for lun in services.definition_of(row).luns]


# What fits


def test_a_domain_of_pseries_becomes_a_partition_with_its_disks_in_the_order_of_their_boot(domain, hypervisor):
    row = adopt(domain())
    assert (str(row.uuid), row.state, row.hold) == (DB01, "Not Activated", "")
    assert (row.memory_mb, row.virtual_processors, row.virtual_processors_maximum) == (1024, 2, 4)
    assert row.processing_units == Decimal("0.2")
    assert luns_of(row) == [data.unique_id(ROOT), data.unique_id(DATA)]
    [adapter] = row.ethernet_adapters.all()
    assert (adapter.vlan_id, adapter.mac_address) == (1, "525400ABCD0F")
    assert hypervisor.runs[row.lpar_id].definition == services.definition_of(row)


def test_it_is_told_in_monitor_tasks_and_audited(domain):
    adopt(domain())
    task = MonitorTask.objects.get()
    lines = [str(line) for line in task.lines.all()]
    assert (task.name, task.target) == ("Create Partition", "db01")
    assert lines[0].startswith("Partition db01 made with ID")
    assert lines[1].startswith("Made from the libvirt domain db01: ")
    assert sum("is mapped to partition db01" in line for line in lines) == 2
    [event] = AuditEvent.objects.all()
    assert (event.user, event.origin, event.outcome) == ("(manage.py)", "manage.py", "accepted")


def test_of_a_domain_that_fits_all_is_told_and_little_is_left_out(domain):
    plan = planned(domain())
    assert plan.obstacles == ()
    left = [one.what.split(" ")[0].rstrip(":") for one in plan.findings if one.verdict is Verdict.LEFT]
    assert left == [
        "os/type", "on_crash", "devices/disk/driver", "devices/disk/driver", "devices/disk/target",
        "devices/disk/target", "devices/interface/model", "devices/audio",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["pseries.xml", "q35.xml", "everything.xml"])
def test_every_element_is_told_about_by_its_line_or_that_of_one_around_it(domain, hypervisor, name):
    hypervisor.guests = Q35 if name == "q35.xml" else PSERIES
    told = {one.line for one in planned(domain(name)).findings}
    groups = ("domain", "devices", "os", "cpu", "features", "clock")

    def untold(element, around=()):
        lines = {element.line, *around}
        if element.name not in groups and not lines & told:
            yield element.line, element.name
        for one in element.children:
            yield from untold(one, () if element.name in groups else lines)

    assert list(untold(xml_file.read(str(DOMAINS / name)))) == []


def test_a_check_lists_the_same_and_changes_nothing(domain, hypervisor):
    before = everything(), ManagedSystem.objects.get().epoch
    first, second = planned(domain()), planned(domain())
    assert (first.findings, first.obstacles) == (second.findings, ())
    assert (everything(), ManagedSystem.objects.get().epoch) == before
    assert (MonitorTask.objects.count(), AuditEvent.objects.count(), hypervisor.runs) == (0, 0, {})


def test_a_disk_is_found_by_another_name_of_its_file(domain, disks):
    (disks / "link").symlink_to(disks / f"lun{ROOT}")
    row = adopt(domain(**{"'ROOT'": f"'{disks}/link'"}))
    assert luns_of(row)[0] == data.unique_id(ROOT)


def test_a_disk_is_found_by_the_identity_in_its_name(domain):
    PhysicalVolume.objects.filter(name=f"hdisk{OTHER}").update(unique_id=IDENTITY.removeprefix("3").upper())
    row = adopt(domain("everything.xml", IDENTITY=IDENTITY), name="x")
    assert luns_of(row) == [IDENTITY.removeprefix("3").upper()]


def test_its_name_memory_and_vlan_can_be_chosen(domain, uli13):
    VirtualEthernet.objects.create(vlan_id=20)
    row = adopt(
        domain(**{"id='1'/>\n      </vlan>": "id='1'/><tag id='2'/></vlan>"}), name="db", memory_mb=512, vlan_id=20
    )
    assert (row.name, row.memory_mb, row.ethernet_adapters.get().vlan_id) == ("db", 512, 20)


def test_an_adapter_that_is_added_later_gets_an_address_of_its_own(domain, padmin):
    """The one from libvirt does not end with its slot, so its digits are no base of others."""
    from ivmweb.system import adapters

    row = adopt(domain(**{"52:54:00:ab:cd:0f": "52:54:00:ab:cd:05"}))
    adapters.add_ethernet(row, adapters.Ethernet(5, 1), user=padmin, origin="-")
    first, second = (one.mac_address for one in row.ethernet_adapters.all())
    assert (first, second[:10] == first[:10]) == ("525400ABCD05", False)


# What does not fit


def test_disks_that_are_no_volumes_or_somebody_elses_are_left_out_each_with_the_reason(domain, uli13lp1, hypervisor):
    mapped = PhysicalVolume.objects.filter(target_device__adapter__partition=uli13lp1).first()
    stranger = PhysicalVolume.objects.get(name=f"hdisk{OTHER}")
    hypervisor.san[stranger.unique_id] = OwnerWord("11111111-2222-3333-4444-555555555555", "9999-AAA*0000001")
    plan = planned(
        domain("everything.xml", **{"'MAPPED'": f"'{mapped.path}'", "/dev/mapper/IDENTITY": stranger.path}), name="x"
    )
    left = words_about(plan, "devices/disk /")
    assert [any(part in words for words in left) for part in (
        f"{mapped.name} is mapped to partition uli13lp1 (ID 2)",
        f"{stranger.name} belongs to partition 11111111-2222-3333-4444-555555555555 on 9999-AAA*0000001",
        "it is no physical volume of this console",
    )] == [True, True, True]  # fmt: skip
    assert plan.wanted.storage.disks == ()


def test_one_lun_by_two_names_is_mapped_once(domain, disks):
    plan = planned(domain(**{"'DATA'": f"'{disks}/lun{ROOT}'"}))
    assert plan.wanted.storage.disks == (f"hdisk{ROOT}",)
    assert "once more" in words_about(plan, "devices/disk /")[0]


def test_an_adapter_on_a_vlan_that_is_not_here_is_left_out(domain):
    plan = planned(domain(**{"<tag id='1'/>": "<tag id='9'/>"}))
    assert plan.wanted.ethernets == ()
    assert words_about(plan, "devices/interface")[0].startswith(
        "this console has no virtual Ethernet 9 (there are: 1)"
    )


def test_where_there_is_no_virtual_ethernet_at_all_it_is_said(domain):
    VirtualEthernet.objects.all().delete()
    plan = planned(domain("q35.xml"))
    assert "there are: none" in words_about(plan, "devices/interface")[0]


def test_machine_and_processor_are_compared_with_the_hypervisors(domain, hypervisor):
    plan = planned(domain())
    assert "another version of the same machine" in words_about(plan, "os/type")[0]
    assert words_about(plan, "cpu/model", Verdict.TAKEN) + words_about(plan, "cpu", Verdict.TAKEN)
    hypervisor.guests = GuestKind("pseries-8.2", "power10", "tcg", "spapr-vscsi")
    plan = planned(domain())
    assert words_about(plan, "os/type", Verdict.TAKEN) == ["the machine is the same here."]
    assert "processor power10" in " ".join(words_about(plan, "cpu"))


def test_where_all_boot_one_kernel_the_file_does_not_decide(domain, hypervisor):
    hypervisor.guests = GuestKind("pseries-10.0", "power9", "tcg", "spapr-vscsi", "/kit/vmlinux")
    assert "/kit/vmlinux" in words_about(planned(domain()), "os/boot")[0]


def test_the_simulated_hypervisor_says_that_nothing_of_it_will_run(domain, hypervisor):
    hypervisor.guests = None
    assert "no operating system runs" in words_about(planned(domain()), "os/type")[0]


# Refused, with nothing changed


def test_a_domain_of_another_architecture_is_refused(domain):
    error = refusal(adopt, domain("q35.xml"), memory_mb=2048)
    assert error.code == "VIOSE01049000-9645"
    assert "x86_64, machine pc-q35-7.2; partitions here are pseries-10.0" in error.text


def test_memory_that_no_partition_can_have_is_refused_with_the_next_values(domain, hypervisor):
    error = refusal(adopt, domain(**{">1048576<": ">1000000<"}))
    assert (error.code, error.params["less_mb"], error.params["more_mb"]) == ("VIOSE01049000-9588", 768, 1024)
    hypervisor.guests = Q35
    assert adopt(domain("q35.xml")).memory_mb == 2000


@pytest.mark.parametrize(
    ("choice", "key"),
    [
        ({"memory_mb": 300}, "memory-not-in-regions"),
        ({"memory_mb": 0}, "value-out-of-range"),
        ({"memory_mb": -256}, "value-out-of-range"),
        ({"memory_mb": 2**40}, "value-out-of-range"),
        ({"vlan_id": 9}, "vlan-unknown"),
        ({"vlan_id": -1}, "vlan-unknown"),
    ],
)
def test_a_choice_that_can_not_be_is_refused(domain, choice, key):
    assert refusal(adopt, domain(), **choice).key == key


def test_all_obstacles_are_told_at_once(domain):
    plan = planned(domain("q35.xml", **{">2000<": ">2001<"}))
    assert [error.code[-4:] for error in plan.obstacles] == ["9645", "9588"]


def test_a_second_adoption_is_refused_as_a_second_copy(domain):
    adopt(domain())
    error = refusal(adopt, domain(), name="db02")
    assert (error.key, error.params["name"]) == ("partition-already-here", "db01")


def test_two_that_adopt_at_once_make_one_partition(domain):
    """Both have listed when the first one writes."""
    first, second = planned(domain()), planned(domain(), name="db02")
    adoption.adopt(first, user=Operator(), origin="-")
    error = refusal(adoption.adopt, second, user=Operator(), origin="-")
    assert error.key == "partition-already-here"


def test_a_disk_that_somebody_maps_meanwhile_is_refused_and_nothing_is_made(domain, uli13lp2):
    plan = planned(domain())
    VirtualTargetDevice.objects.create(
        name="db_data",
        adapter=uli13lp2.server_adapters.get(),
        lun_number=0x90,
        physical_volume=PhysicalVolume.objects.get(name=f"hdisk{DATA}"),
    )
    error = refusal(adoption.adopt, plan, user=Operator(), origin="-")
    assert (error.key, error.params["backing"]) == ("backing-device-mapped", f"hdisk{DATA}")


def test_a_lun_that_another_server_takes_meanwhile_is_refused_and_nothing_is_made(domain, hypervisor):
    plan = planned(domain())
    hypervisor.san[data.unique_id(DATA)] = OwnerWord("11111111-2222-3333-4444-555555555555", "9999-AAA*0000001")
    assert refusal(adoption.adopt, plan, user=Operator(), origin="-").key == "lun-of-another"


def test_a_domain_that_was_adopted_before_and_has_moved_is_refused(domain, hypervisor):
    hypervisor.san[data.unique_id(ROOT)] = OwnerWord(DB01, "9999-AAA*0000001", "m1")
    error = refusal(adopt, domain())
    assert (error.code, error.params["system"]) == ("VIOSE01049000-9589", "9999-AAA*0000001")
    hypervisor.san[data.unique_id(ROOT)] = OwnerWord(DB01, data.ULI13.identity)
    assert luns_of(adopt(domain()))[0] == data.unique_id(ROOT), "its own word is left over from a removal"


def test_a_uuid_that_migrations_know_is_told(domain, monkeypatch):
    monkeypatch.setattr("ivmweb.system.owners._remembered", [lambda uuids: dict.fromkeys(uuids, "olddb")])
    assert any("UUID, olddb, has migrated" in note for note in planned(domain()).notes)


def test_a_partition_of_this_uuid_that_only_the_hypervisor_has_is_refused(domain, hypervisor):
    row = adopt(domain())
    services.remove_partition(row)
    error = refusal(adopt, domain())
    assert (error.code, error.params["uuid"]) == ("VIOSE01049000-9646", DB01)


def test_a_hypervisor_that_does_not_answer_changes_nothing(domain, hypervisor):
    read = domain()
    hypervisor.is_reachable = False
    with pytest.raises(HypervisorError):
        planned(read)


def test_a_hypervisor_that_hears_nothing_after_the_records_gets_it_later(domain, hypervisor):
    hypervisor.refuse("create")
    row = adopt(domain())
    assert (row.state, row.lpar_id in hypervisor.runs) == ("Not Activated", False)


# Whether it runs


def install_virsh(tmp_path, script):
    program = tmp_path / "bin" / "virsh"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint_to = sys.stdout\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


INFO = 'print("Id: -\\nName: db01\\nState:          {}\\nAutostart:      {}\\nManaged save:   {}")'


@pytest.mark.parametrize("state", ["running", "paused", "idle", "in shutdown", "pmsuspended"])
def test_a_domain_that_libvirt_says_runs_or_may_go_on_is_refused(domain, tmp_path, state):
    install_virsh(tmp_path, INFO.format(state, "disable", "no"))
    error = refusal(adopt, domain())
    assert error.code == "VIOSE01049000-9644"
    assert f"is {state} on this machine, says virsh (qemu:///system)" in error.text


def test_a_domain_without_a_uuid_gets_a_new_one_and_nobody_was_asked(domain):
    read = domain(**{f"<uuid>{DB01}</uuid>": ""})
    assert planned(read).notes[0].startswith("The file has no UUID")
    assert str(adopt(domain(**{f"<uuid>{DB01}</uuid>": ""})).uuid) != DB01


def test_a_refusal_is_audited_and_told_in_monitor_tasks(domain, tmp_path):
    install_virsh(tmp_path, INFO.format("running", "disable", "no"))
    refusal(adopt, domain(), name="x" * 300)
    [event], [task] = AuditEvent.objects.all(), MonitorTask.objects.all()
    assert (event.outcome, event.code) == ("refused", "VIOSE01049000-9644")
    assert (task.status, task.target) == ("failed", "x" * 31)


def test_a_domain_that_libvirt_has_and_is_off_is_taken_with_words_of_warning(domain, tmp_path):
    install_virsh(tmp_path, INFO.format("shut off", "enable", "yes"))
    notes = " ".join(planned(domain()).notes)
    for part in ("virsh undefine", "autostart --disable", "managedsave-remove"):
        assert part in notes


def test_libvirt_is_asked_for_the_uuid_in_english_whatever_the_domain_is_called(domain, tmp_path):
    seen = tmp_path / "seen"
    install_virsh(
        tmp_path, f"import os; open({str(seen)!r}, 'a').write(' '.join([*sys.argv[1:], os.environ['LC_ALL']]))"
    )
    planned(domain())
    assert f"qemu:///system dominfo {DB01} C" in seen.read_text()


@pytest.mark.parametrize(
    ("script", "note"),
    [
        ("print('error: failed to connect to the hypervisor', file=sys.stderr); sys.exit(1)", "failed to connect"),
        ("sys.exit(3)", "it ended with 3"),
        ("import time; time.sleep(60)", "could not be asked"),
    ],
)
def test_where_libvirt_does_not_answer_that_is_said(domain, tmp_path, monkeypatch, script, note):
    monkeypatch.setattr(running, "ANSWER_S", 0.5)
    install_virsh(tmp_path, script)
    assert any(note in one for one in planned(domain()).notes)


def test_a_domain_that_libvirt_does_not_have_needs_no_words(domain, tmp_path):
    install_virsh(tmp_path, "print(\"error: failed to get domain 'x'\", file=sys.stderr); sys.exit(1)")
    assert planned(domain()).notes == ()


def test_without_virsh_it_is_said_that_nobody_was_asked(domain):
    assert planned(domain()).notes == ("There is no virsh here, so libvirt was not asked whether the domain runs.",)


def test_a_process_with_the_uuid_is_refused_whoever_started_it(domain, monkeypatch):
    monkeypatch.setattr(running, "PROCESSES", Path("/proc"))
    uuid = str(uuid4())
    sleeper = [sys.executable, "-c", "print(flush=True); input()", "-uuid", uuid]
    with subprocess.Popen(sleeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        error = refusal(adopt, domain(**{DB01: uuid}))
        process.communicate("\n")
    assert f"is running on this machine, says its process {process.pid}" in error.text


# The command


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("adopt-libvirt", *words, stdout=out, stderr=err)
    except CommandError as exc:
        return out.getvalue(), f"{err.getvalue()}{exc}"
    return out.getvalue(), err.getvalue()


def test_the_command_lists_and_makes(guests, uli13):
    out, err = run(str(DOMAINS / "pseries.xml"))
    assert err == ""
    for part in (
        "Taken over (",
        "Left out (",
        "Without effect here (",
        "line 9: name: db01",
        "Note: There is no virsh",
    ):
        assert part in out
    assert "Partition db01 made with ID 2, Not Activated." in out
    assert LogicalPartition.objects.filter(name="db01").exists()


def test_the_command_only_lists_with_check(guests, uli13):
    before = everything()
    out, err = run(str(DOMAINS / "pseries.xml"), "--check")
    assert (everything(), err) == (before, "")
    assert out.endswith("A partition can be made of it. Nothing was changed.\n")


def test_the_command_lists_what_it_can_and_names_every_obstacle(guests, uli13):
    out, err = run(str(DOMAINS / "q35.xml"), "--check")
    assert "Left out (" in out
    assert err.count("[VIOSE") == 2
    assert err.endswith("No partition can be made of it as it is. Nothing was changed.")


def test_the_command_refuses_what_is_no_domain(uli13):
    _out, err = run("/nowhere.xml")
    assert err.startswith("[VIOSE01049000-9642] /nowhere.xml is no libvirt domain that can be read: No such file")


def test_a_name_that_no_partition_can_have_is_refused(domain):
    with pytest.raises(PrerequisiteFailed, match="9077"):
        adopt(domain(**{">db01<": ">db 01; rm<"}))
