"""What migrlpar makes of its input data, and of the trust between two consoles."""

from uuid import uuid4

import pytest

from ivmweb.cli.command import Io
from ivmweb.cli.commands.migrlpar import follow, placement_of, tell
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.plan import Placement
from migration.models import Migration
from tests.pages.test_report import make_report


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, Placement()),
        ({"dest_lpar_id": "5"}, Placement(5)),
        ({"virtual_scsi_mappings": "2/uli14/1"}, Placement(None, {2: None})),
        ({"virtual_scsi_mappings": "2/uli14//31,3//1/33"}, Placement(None, {2: 31, 3: 33})),
        ({"dest_lpar_id": "7", "virtual_scsi_mappings": "2//1/31", "dest_msp_name": "uli14"}, Placement(7, {2: 31})),
    ],
)
def test_input_data_names_the_wanted_id_and_slots(remote, given, wanted):
    assert placement_of(given, remote) == wanted


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("dest_lpar_id", "1", "from 2 to"),
        ("dest_lpar_id", "5x", "from 2 to"),
        ("virtual_scsi_mappings", "2/uli14", "client-slot/VIOS-name/VIOS-ID"),
        ("virtual_scsi_mappings", "2/uli14/1/x", "client-slot/VIOS-name/VIOS-ID"),
        ("virtual_scsi_mappings", "02/uli14/1/31", "client-slot/VIOS-name/VIOS-ID"),
        ("virtual_scsi_mappings", "2/other/1", "the Virtual I/O Server there is uli14"),
        ("virtual_scsi_mappings", "2//1/31,3//1/31", "named twice"),
        ("virtual_scsi_mappings", "2//1,2//1", "named twice"),
        ("dest_msp_name", "other", "the mover service partition there is uli14"),
    ],
)
def test_input_data_that_can_not_be_done_is_refused_by_its_name(remote, attribute, value, said):
    with pytest.raises(PrerequisiteFailed, match=said) as caught:
        placement_of({attribute: value}, remote)
    assert caught.value.params["attribute"] == attribute


def test_each_failed_check_is_one_line_with_its_code_once(remote, uli13lp1):
    report = make_report(uli13lp1, remote, destination_has_memory=("failed", "100 MB free"))
    report.findings.update(message_key="partition-not-here", message_params={"name": "lp", "lpar_id": 2})
    said = []
    status = tell(report, Io(None, None, said.append), verbose=False)
    [line] = said
    assert (status, line.count("VIOSE"), line.count("\n")) == (1, 1, 1)
    assert line.startswith("[VIOSE010401A1-9053] ")


def test_a_migration_that_stayed_says_why_with_the_code_once(remote, uli13lp1):
    ended = Migration(
        role="source",
        state="closed, kept",
        partition_name="uli13lp1",
        remote=remote,
        message_key="peer-timeout",
        message_params={"remote": "uli14", "address": "x", "timeout_s": "10"},
    )
    with pytest.raises(PrerequisiteFailed) as caught:
        follow(ended, Io(None, None, None))
    assert caught.value.text.count("VIOSE") == 1


def test_an_early_stop_is_told_as_the_reason(remote):
    ended = Migration(role="source", state="closed, kept", partition_name="r1", remote=remote, stop_requested=True)
    with pytest.raises(PrerequisiteFailed, match=r"r1 has not moved to uli14: it was stopped on request\."):
        follow(ended, Io(None, None, None))


def test_force_is_for_recovery_only(prompt, uli13):
    prompt("migrlpar -o v --force -p uli13lp1")
    assert (prompt.status, "--force goes with -o r only" in prompt.err) == (1, True)


@pytest.mark.parametrize("option", ["-p uli13lp9", "--id 9"])
@pytest.mark.parametrize(("letter", "act"), [("s", "stop"), ("r", "recover")])
def test_after_a_move_it_is_told_where_the_partition_is(prompt, remote, option, letter, act):
    prompt(f"migrlpar -o {letter} {option}")
    assert "There is no partition" in prompt.err
    names = {"partition_name": "uli13lp9", "lpar_id": 9, "remote": remote}
    Migration.objects.create(role="source", state="closed, moved", partition_uuid=uuid4(), **names)
    prompt(f"migrlpar -o {letter} {option}")
    assert (prompt.status, prompt.out) == (1, "")
    assert prompt.err == (
        f"[VIOSE01049000-9613] uli13lp9 has moved to uli14: its migration is over, so there is nothing to {act}. "
        "Work with it there.\n"
    )


def test_a_file_of_input_data_is_one_line(prompt, remote, uli13lp1):
    line = f"migrlpar -o v -p uli13lp1 -t {remote.system_name} --ip uli14 -f -"
    prompt.keyboard.files["-"] = "dest_lpar_id=7\nvirtual_scsi_mappings=2/uli14/1\n"
    prompt(line)
    assert (prompt.status, prompt.err) == (
        1,
        "[VIOSE01049000-9550] -f of migrlpar can't be -, which has 2 lines; needed: one line: name=value,"
        "name=value.\n",
    )
    prompt.keyboard.files["-"] = "\ndest_lpar_id=1\n\n"
    prompt(line)
    assert "dest_lpar_id=1 can't be done" in prompt.err
