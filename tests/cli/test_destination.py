"""What lslparmigr says of the other console: asked now, or not said."""

import pytest

from ivmweb.common.errors import PeerError
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.models import LogicalPartition, LogicalVolume, StoragePool, VirtualServerAdapter
from migration.models import Finding, Migration, ValidationReport
from migration.peer.messages import FindingBody
from tests.cli.test_partitions import row
from tests.pages.test_report import make_report

ASKED = "lslparmigr -r {} --ip uli14 --filter lpar_names=uli13lp1"
KINDS = ("virtualio", "msp", "procpool")
LATER = ",lpar_name=uli13lp1,lpar_id=2"
TOO_SMALL = FindingBody(
    check_name="destination_has_memory",
    outcome="failed",
    message_key="check-memory",
    message_params={"partition": "uli13lp1", "lpar_id": 2, "system": "uli14", "needed_mb": 1024, "free_mb": 100},
)


@pytest.fixture
def typing(prompt, uli14, uli13lp1):
    """A line, with the password typed when it is asked for."""

    def line(text):
        prompt.keyboard.typed = ["padmin"]
        return prompt(text)

    return line


def test_mappings_are_suggested_after_the_destination_was_asked(typing, prompt, uli14, settings):
    settings.MOVER_HOST = "9.0.0.13"
    assert typing(ASKED.format("virtualio")) == (
        "virtual_slot_num=2,possible_virtual_scsi_mappings=2/uli14/1,suggested_virtual_scsi_mappings=2/uli14/1"
        f"{LATER}\n"
    )
    assert prompt.err == ""
    assert [request.configuration.name for _token, request in uli14.asked] == ["uli13lp1"]
    assert prompt(ASKED.format("procpool")) == "shared_proc_pool_names=DefaultPool,shared_proc_pool_ids=0\n"
    assert prompt.keyboard.asked == ["Password:"]  # once for the session
    assert len(uli14.asked) == 2


def test_what_asks_leaves_neither_a_report_nor_a_task(typing, uli14):
    typing(ASKED.format("virtualio"))
    assert (ValidationReport.objects.count(), MonitorTask.objects.count(), len(uli14.asked)) == (0, 0, 1)


def test_migrlpar_takes_the_suggested_mapping_as_it_stands(typing, prompt, uli14):
    VirtualServerAdapter.objects.create(name="vhost7", slot=91, client_slot=5, partition=row("uli13lp1"))
    typing(ASKED.format("virtualio"))
    suggested = prompt(f"{ASKED.format('virtualio')} -F suggested_virtual_scsi_mappings").split()
    assert suggested == ["2/uli14/1", "5/uli14/1"]
    given = f'"\\"virtual_scsi_mappings={",".join(suggested)}\\""'
    assert prompt(f"migrlpar -o v -t {data.ULI14.name} --ip uli14 -p uli13lp1 -i {given}") == ""
    assert (prompt.status, prompt.err) == (0, "")


def test_comments_in_a_file_of_input_data_are_passed_over(typing, prompt, uli14):
    prompt.keyboard.files["wish"] = "# where it goes\ndest_lpar_id=7\n"
    assert typing(f"migrlpar -o v -t {data.ULI14.name} --ip uli14 -p uli13lp1 -f wish") == ""
    assert (prompt.status, prompt.err) == (0, "")
    assert [request.placement.lpar_id for _token, request in uli14.asked] == [7]


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_not_move_gets_the_reason_that_migrlpar_gives(typing, prompt, uli14, kind):
    uli14.findings.append(TOO_SMALL)
    assert (typing(ASKED.format(kind)), prompt.status) == ("", 1)
    said = prompt.err
    assert "100 MB" in said
    prompt(f"migrlpar -o v -t {data.ULI14.name} --ip uli14 -p uli13lp1")
    assert (prompt.status, prompt.err) == (1, said)


def test_a_logical_volume_has_no_possible_mapping(typing, prompt, uli13lp1):
    pool = StoragePool.objects.first() or StoragePool.objects.create(name="rootvg", size_mb=100)
    volume = LogicalVolume.objects.create(pool=pool, name="lv1", size_mb=64)
    device = uli13lp1.server_adapters.get().target_devices.first()
    device.physical_volume, device.logical_volume = None, volume
    device.save()
    assert (typing(ASKED.format("virtualio")), prompt.status) == ("", 1)
    assert "lv1" in prompt.err
    assert "-9114]" in prompt.err


def test_a_held_partition_has_no_possible_mapping(typing, prompt):
    LogicalPartition.objects.filter(name="uli13lp1").update(hold="activate")
    assert (typing(ASKED.format("virtualio")), prompt.status) == ("", 1)
    assert "uli13lp1" in prompt.err


@pytest.mark.parametrize("kind", KINDS)
def test_a_console_that_does_not_answer_is_an_error(typing, prompt, uli14, kind):
    uli14.is_silent = True
    assert (typing(ASKED.format(kind)), prompt.status) == ("", 1)
    silent = PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="10")
    assert prompt.err == f"{silent}\n"


@pytest.mark.parametrize("kind", KINDS)
def test_without_trust_or_a_terminal_nothing_is_said(prompt, uli14, uli13lp1, kind):
    assert (prompt(f"{ASKED.format(kind)} -u nosuchuser"), prompt.status) == ("", 1)
    assert "A password for nosuchuser at uli14 is needed" in prompt.err
    assert prompt(f"lslparmigr -r {kind} -t {data.ULI14.name} --filter lpar_ids=2") == ""
    assert (prompt.status, "A password for padmin at uli14" in prompt.err, uli14.asked) == (1, True, [])


def test_a_viewer_is_asked_for_no_password(viewer, uli14, uli13lp1):
    viewer.keyboard.typed = ["padmin"]
    assert (viewer(ASKED.format("virtualio")), viewer.status, viewer.keyboard.asked) == ("", 1, [])
    assert "viewer may not migrate partitions" in viewer.err


def test_a_wrong_attribute_is_refused_before_the_password(typing, prompt):
    assert (typing(f"{ASKED.format('virtualio')} -F nonsense"), prompt.status) == ("", 1)
    assert ("There is no attribute nonsense here" in prompt.err, prompt.keyboard.asked) == (True, [])


def test_nobody_is_asked_about_a_partition_that_is_not_here(typing, prompt, uli14):
    assert typing("lslparmigr -r virtualio --ip uli14 --filter lpar_names=nobody") == ""
    assert (prompt.status, prompt.keyboard.asked, uli14.asked) == (0, [], [])
    assert "No results were found" in prompt.err


def test_mappings_are_by_partition_and_slot_and_say_whose_they_are(typing, prompt, uli14, uli13lp2):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(name='a "b", ä')
    for number, slot in enumerate((7, 5)):
        VirtualServerAdapter.objects.create(
            name=f"vhost{70 + number}", slot=91 + 2 * number, client_slot=slot, partition=uli13lp2
        )
    said = typing(
        'lslparmigr -r virtualio --ip uli14 --filter "\\"lpar_ids=3,2\\"" -F lpar_name,lpar_id,virtual_slot_num'
    )
    assert said == 'uli13lp1,2,2\n"a ""b"", ä",3,2\n"a ""b"", ä",3,5\n"a ""b"", ä",3,7\n'


@pytest.mark.parametrize("address", ["9.0.0.14", "fd00::14"])
def test_movers_are_mapped_by_their_addresses(typing, prompt, uli14, settings, address, monkeypatch):
    settings.MOVER_HOST = "9.0.0.13"
    uli14.mover = address
    monkeypatch.setattr("migration.validation.report.try_mover", lambda mover, console: None)
    assert typing(ASKED.format("msp")) == (
        "source_msp_name=uli13,source_msp_id=1,dest_msp_names=uli14,dest_msp_ids=1,"
        f"ipaddr_mappings=9.0.0.13//1/uli14/{address}\n"
    )


# The partition's ID there

GOING = "lslparmigr -r lpar --filter lpar_ids=2 -F dest_lpar_id"


@pytest.fixture
def going(uli13lp1, remote):
    return Migration.objects.create(
        role="source",
        type="active",
        state="transferring",
        partition=uli13lp1,
        partition_uuid=uli13lp1.uuid,
        partition_name="uli13lp1",
        lpar_id=2,
        remote=remote,
        remote_manager="uli14",
        remote_user="padmin",
        user="padmin",
    )


def change(migration, **fields):
    Migration.objects.filter(pk=migration.pk).update(**fields)


def test_the_wanted_id_is_told_before_the_destination_has_given_it(prompt, going):
    assert prompt(GOING) == "null\n"
    change(going, placement={"lpar_id": 7, "slots": []})
    assert prompt(GOING) == "7\n"
    change(going, remote_lpar_id=7)
    assert prompt(GOING) == "7\n"


def test_without_a_wish_it_is_the_one_that_the_destination_has_announced(prompt, going, uli13lp1, remote):
    report = make_report(uli13lp1, remote, destination_has_memory=("passed", "1"))
    Finding.objects.create(
        report=report, side="destination", check_name="partition_id_can_be_kept", outcome="warning", measured="9"
    )
    assert prompt(GOING) == "null\n"  # of another press of Validate
    ValidationReport.objects.update(migration=going)
    assert prompt(GOING) == "9\n"
    change(going, queued=True)
    assert prompt(GOING) == "null\n"
    change(going, queued=False, remote_lpar_id=10)
    assert prompt(GOING) == "10\n"
    assert ",dest_lpar_id=10,source_msp_name=uli13," in prompt("lslparmigr -r lpar --filter lpar_ids=2")
