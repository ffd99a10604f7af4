"""Commands that change something: the same services as the pages, in Monitor Tasks and the audit trail."""

from uuid import uuid4

import pytest

from ivmweb.cli.command import Leave
from ivmweb.cli.login import by_key
from ivmweb.cli.shell import commands
from ivmweb.common.errors import catalogue
from ivmweb.hypervisor.base import Fence, RunState
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import audit, rights
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import (
    AuditEvent,
    AuthorizedKey,
    LogicalPartition,
    PhysicalVolume,
    ReferenceCode,
    VirtualServerAdapter,
)
from tests.cli.conftest import Prompt
from tests.factories import make_user
from tests.scripted_hypervisor import BOOTED


def test_a_partition_is_activated(prompt, uli13lp2, hypervisor):
    assert prompt("chsysstate -r lpar -o on -n uli13lp2") == ""
    assert (prompt.status, prompt.err) == (0, "")
    assert hypervisor.runs[uli13lp2.lpar_id].run_state is RunState.STARTING
    assert MonitorTask.objects.get().name == "Activate Partition"
    event = AuditEvent.objects.get(action="activate")
    assert (event.user, event.origin, event.outcome) == ("padmin", "ssh from 127.0.0.1", "accepted")


@pytest.mark.parametrize(
    ("how", "called"),
    [("shutdown --immed", "immediate"), ("shutdown", "shutdown"), ("osshutdown", "osshutdown")],
)
def test_a_partition_is_shut_down(prompt, uli13lp1, hypervisor, how, called):
    assert prompt(f"chsysstate -r lpar -o {how} --id 2") == ""
    assert (prompt.status, prompt.err) == (0, "")
    assert LogicalPartition.objects.get(pk=uli13lp1.pk).state == "Shutting Down"


def test_what_can_not_be_is_refused_in_the_words_of_the_page(prompt, uli13lp1):
    prompt("chsysstate -r lpar -o on -n uli13lp1")
    assert prompt.status == 1
    assert "uli13lp1" in prompt.err
    assert not MonitorTask.objects.exists()


def test_an_activation_that_something_else_came_before_says_what_happened_and_what_to_do(
    prompt, uli13lp2, hypervisor
):
    def be_faster():
        hypervisor.create(hypervisor.runs[uli13lp2.lpar_id].definition, Fence(epoch=10**6))

    hypervisor.before["create"] = be_faster
    assert (prompt("chsysstate -r lpar -o on -n uli13lp2"), prompt.status) == ("", 1)
    begins, number, ends = prompt.err.partition("(number 1000000, this one has ")
    assert begins == (
        "[VIOSE01049000-9408] Something else was begun for the partition with ID 3 at the same time, and the "
        "hypervisor had its order first "
    )
    assert number
    assert ends.partition("). ")[2] == (
        "This was not carried out. Look at the State of the partition in View/Modify Partitions, then repeat what is "
        "still wanted.\n"
    )
    assert LogicalPartition.objects.get(pk=uli13lp2.pk).state == "Not Activated"


@pytest.mark.parametrize("key", ["no-virtual-slot", "lun-in-use", "mac-address-taken"])
def test_what_a_command_does_is_named_in_the_message_that_asks_for_it(key):
    text = catalogue()[key].text
    named = [name for name in commands() if name in text]
    assert named
    assert "no page of the console does that" not in text


LINES = (
    "chsysstate -r lpar -o shutdown --immed -n uli13lp1",
    "chdev -dev hdisk2 -attr reserve_policy=single_path",
    "migrlpar -o s -p uli13lp1",
)


@pytest.mark.parametrize("line", LINES[:2])
def test_a_viewer_changes_nothing(viewer, uli13lp1, line):
    assert viewer(line) == ""
    assert viewer.status == 1
    assert "may not change partitions and settings" in viewer.err
    assert PhysicalVolume.objects.get(name="hdisk2").reserve_policy == "no_reserve"
    assert LogicalPartition.objects.get(pk=uli13lp1.pk).state == "Running"


def test_a_reserve_policy_is_changed_and_told(prompt, uli13lp1):
    assert prompt("chdev -dev hdisk2 -attr reserve_policy=single_path") == "hdisk2 changed\n"
    assert prompt("lsdev -dev hdisk2 -attr reserve_policy") == "value\n\nsingle_path\n"
    assert prompt("chdev -dev hdisk0 -attr reserve_policy=single_path") == "hdisk0 changed\n"
    prompt("chdev -dev hdisk0 -attr reserve_policy=sometimes")
    assert (prompt.status, prompt.out) == (1, "")
    assert MonitorTask.objects.filter(name="Change Partition Properties").count() == 2


def test_reference_codes_newest_first(prompt, uli13lp1, hypervisor):
    hypervisor.enter(2, RunState.RUNNING, "C3")
    for minute, code in enumerate(("C1", "C2", "C3")):
        uli13lp1.reference_codes.create(code=code, time=f"2026-11-27T08:0{minute}:00Z")
    assert prompt("lsrefcode -r lpar") == "lpar_name=uli13lp1,lpar_id=2,time_stamp=11/27/2026 08:02:00,refcode=C3\n"
    assert prompt("lsrefcode -r lpar -n 2 -F refcode --filter lpar_ids=2") == "C3\nC2\n"


def test_a_code_is_told_before_it_is_on_record(prompt, uli13lp1, uli13lp2, hypervisor):
    assert prompt("lsrefcode -r lpar --filter lpar_ids=3") == ""
    prompt("chsysstate -r lpar -o on -n uli13lp2")
    assert prompt("lsrefcode -r lpar --filter lpar_ids=3 -F lpar_name,refcode") == "uli13lp2,C2001000\n"
    take_inventory()
    hypervisor.enter(3, RunState.RUNNING, "C20080FF")
    hypervisor.enter(3, RunState.RUNNING, BOOTED)
    said = "Linux ppc64\nC20080FF\nC2001000\n"
    assert prompt("lsrefcode -r lpar --filter lpar_ids=3 -n 9 -F refcode") == said
    assert prompt("lsrefcode -r lpar --filter lpar_ids=3 -n 2 -F refcode") == "Linux ppc64\nC20080FF\n"
    assert ReferenceCode.objects.filter(partition=uli13lp2).count() == 1  # a listing records nothing
    take_inventory()
    assert prompt("lsrefcode -r lpar --filter lpar_ids=3 -n 9 -F refcode") == said


def test_codes_on_record_are_told_while_the_hypervisor_is_silent(prompt, uli13lp1, hypervisor):
    uli13lp1.reference_codes.create(code="C1", time="2026-11-27T08:00:00Z")
    hypervisor.refuse("reference_codes")
    assert prompt("lsrefcode -r lpar -F refcode") == "C1\n"
    hypervisor.is_reachable = False
    assert (prompt("lsrefcode -r lpar -F refcode"), prompt.err) == ("C1\n", "")


def test_codes_of_another_partition_with_the_same_id_are_not_told(prompt, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(uuid=uuid4())
    assert prompt("lsrefcode -r lpar") == ""


def test_what_was_done_is_listed(prompt, uli13lp1):
    prompt("chsysstate -r lpar -o shutdown --immed -n uli13lp1")
    assert prompt("lssvcevents -t console -d 1 -F userid,action,thing,outcome").splitlines()[0] == (
        "padmin,shut down,partition uli13lp1 (2),accepted"
    )


def test_two_hundred_partitions_take_no_more_queries(
    prompt, uli13, django_assert_num_queries, django_assert_max_num_queries
):
    for number in range(2, 42):
        partition = LogicalPartition.objects.create(
            lpar_id=number,
            name=f"lp{number}",
            memory_minimum_mb=16,
            memory_mb=16,
            memory_maximum_mb=16,
            processing_units_minimum="0.1",
            processing_units="0.1",
            processing_units_maximum="0.1",
        )
        VirtualServerAdapter.objects.create(name=f"vhost{number}", slot=2 * number + 7, partition=partition)
    for line, most in (
        ("lsmap -all", 6),
        ("lssyscfg -r lpar", 8),
        ("lssyscfg -r prof", 8),
        ("lslparmigr -r lpar", 6),
    ):
        with django_assert_max_num_queries(most):
            assert len(prompt.lines(line)) >= 40


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqfWkFRlQrDkMGyGCOjhZFmmqOWkJYjdIlhUkUhPHLg padmin@desk"


def test_a_key_is_added_once_and_removed_by_its_comment(prompt, uli13):
    assert prompt(f"mkauthkeys -a '{KEY}'") == ""
    prompt(f"mkauthkeys --add '{KEY}'")
    assert prompt.status == 0
    [key] = AuthorizedKey.objects.all()
    assert (key.user.username, key.comment) == ("padmin", "padmin@desk")
    assert by_key("padmin", key.fingerprint) is not None
    assert by_key("viewer", key.fingerprint) is None
    prompt("mkauthkeys -r padmin@desk")
    assert (prompt.status, AuthorizedKey.objects.count()) == (0, 0)
    prompt("mkauthkeys -r padmin@desk")
    assert "[VIOSE01049000-9582]" in prompt.err


@pytest.mark.parametrize("key", ["nonsense", "ssh-rsa AAAA", "", KEY[:40]])
def test_what_is_no_key_is_refused(prompt, uli13, key):
    prompt(f"mkauthkeys -a '{key}'")
    assert prompt.status == 1
    assert prompt.err.startswith("[VIOSE")
    assert not AuthorizedKey.objects.exists()


def test_the_own_key_is_printed_as_a_line_that_another_console_takes(prompt, uli13):
    line = prompt("mkauthkeys -g")
    assert line.startswith("ssh-ed25519 ")
    assert line.endswith(" padmin@uli13\n")
    assert prompt(f"mkauthkeys -a '{line.strip()}'") == ""
    assert AuthorizedKey.objects.get().comment == "padmin@uli13"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("", "0006"),
        ("-g -a x", "9551"),
        ("-g -u padmin", "9551"),
        ("-a x --test", "9551"),
        ("--ip uli14 --test --passwd x", "9551"),
        ("--ip nobody", "9312"),
        ("--ip uli14", "9560"),
    ],
)
def test_options_of_mkauthkeys_that_do_not_go_together_are_refused(prompt, remote, options, code):
    assert prompt(f"mkauthkeys {options}") == ""
    assert (prompt.status, prompt.err.partition("-")[2][:4]) == (1, code)


def test_a_user_may_not_see_what_others_did_but_for_whoever_manages_users(prompt, viewer, uli13lp1):
    prompt("chsysstate -r lpar -o shutdown --immed -n uli13lp1")
    audit.record(user="nobody", action="log in", thing="SSH", outcome=audit.REFUSED)
    assert viewer("lssvcevents -t console") == ""
    assert (viewer.status, viewer.err) == (0, "[VIOSI01040010-0003] No results were found.\n")
    viewer("chsysstate -r lpar -o shutdown --immed -n uli13lp1")
    [own] = viewer.lines("lssvcevents -t console -F userid,action,outcome")
    assert own == "viewer,shut down,refused"
    assert prompt.lines("lssvcevents -t console -F userid,action,outcome") == [
        own,
        "nobody,log in,refused",
        "padmin,shut down,accepted",
    ]


def test_a_modifier_does_not_see_the_failed_log_ins_of_others_either(uli13):
    audit.record(user="padmin", action="log in", thing="SSH", outcome=audit.REFUSED)
    assert Prompt(make_user("modifier", rights.VIEW_MODIFY))("lssvcevents -t console") == ""


@pytest.mark.parametrize("option", ["", " --test"])
def test_keys_are_not_exchanged_with_the_own_console(prompt, remote, option):
    prompt(f"mkauthkeys --ip uli13{option}")
    assert (prompt.status, prompt.err) == (
        1,
        "[VIOSE01049000-9550] --ip of mkauthkeys can't be uli13; needed: another console than this one itself; known "
        "are: uli14.\n",
    )


@pytest.mark.parametrize("status", ["abc", "-", "''", "1x", "١", "1234567890"])
def test_a_session_does_not_end_with_a_status_that_is_none(prompt, uli13, status):
    assert prompt(f"exit {status}; hostname") == "uli13\n"
    assert prompt.err.startswith("[VIOSE01049000-9550] The status of exit can't be ")


def test_a_session_ends_with_the_lowest_byte_of_a_status(prompt, uli13):
    with pytest.raises(Leave, match=r"^1$"):
        prompt("exit 257")
