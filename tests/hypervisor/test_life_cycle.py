import time
from dataclasses import replace
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import connect, lun
from ivmweb.hypervisor.base import Fence, LunReference, OwnerState, OwnerWord, RunState, ShutdownKind
from ivmweb.hypervisor.simulated import codes
from ivmweb.hypervisor.simulated.machine import SimulatedMachine, SimulatedOptions
from ivmweb.hypervisor.vmc.panel import ENDED
from tests.hypervisor.conftest import (
    FENCE,
    LPAR,
    MB,
    MIGRATION,
    OPERATOR,
    ULI13,
    ULI14,
    both_kinds,
    eventually,
    serving,
    serving_machine,
)


def shown(console, lpar_id=LPAR):
    return [entry.code for entry in reversed(console.reference_codes(lpar_id, 200))]


def test_activation_shows_every_progress_code_in_order(uli13, define):
    uli13.boot(define())
    assert shown(uli13) == [ENDED, *codes.BOOT, codes.RUNNING]
    times = [entry.time for entry in uli13.reference_codes(LPAR, 200)]
    assert times == sorted(times, reverse=True)
    assert uli13.describe(LPAR).reference_code == "Linux ppc64"


@pytest.mark.parametrize(
    ("kind", "sequence"),
    [
        (ShutdownKind.OS, codes.SHUTDOWN),
        (ShutdownKind.DELAYED, codes.SHUTDOWN),
        (ShutdownKind.IMMEDIATE, codes.IMMEDIATE_SHUTDOWN),
    ],
)
def test_shutdown_shows_its_codes_and_frees_the_memory(uli13, define, kind, sequence):
    uli13.boot(define(memory_mb=100))
    uli13.shut_down(LPAR, kind, OPERATOR)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    facts = uli13.describe(LPAR)
    assert shown(uli13)[-len(sequence) - 1 :] == [*sequence, ENDED]
    assert (facts.uptime_s, facts.utilized_units, facts.heartbeat) == (None, None, None)
    uli13.create(define(lpar_id=3, memory_mb=100), OPERATOR)
    uli13.activate(3, OPERATOR)


@both_kinds
def test_restart_boots_again(uli13, define):
    uli13.boot(define())
    eventually(lambda: uli13.describe(LPAR).heartbeat > 3)
    uli13.shut_down(LPAR, ShutdownKind.OS, OPERATOR, restart=True)
    eventually(lambda: shown(uli13).count(codes.RUNNING) == 2)
    assert uli13.run_state() is RunState.RUNNING


@both_kinds
def test_commands_that_ask_for_what_is_so_succeed(uli13, define):
    definition = define()
    for _ in range(2):
        uli13.create(definition, OPERATOR)
    for _ in range(2):
        uli13.activate(LPAR, OPERATOR)
    uli13.wait_for(RunState.RUNNING)
    uli13.activate(LPAR, OPERATOR)
    uli13.resume(LPAR, OPERATOR)
    uli13.create(definition, OPERATOR)
    for _ in range(2):
        uli13.discard(LPAR, OPERATOR)
    uli13.shut_down(LPAR, ShutdownKind.IMMEDIATE, OPERATOR)
    for _ in range(2):
        uli13.remove(LPAR, OPERATOR)
    assert uli13.describe(LPAR) is None


@both_kinds
def test_a_partition_that_runs_takes_another_name_and_keeps_all_else(uli13, define):
    definition = define()
    uli13.boot(definition)
    uli13.create(replace(definition, name="renamed"), OPERATOR)
    assert uli13.describe(LPAR).name == "renamed"
    assert uli13.run_state() is RunState.RUNNING
    with pytest.raises(HypervisorError, match="9404"):
        uli13.create(replace(definition, name="renamed", memory_mb=definition.memory_mb + 1), OPERATOR)


def test_a_partition_that_is_off_is_defined_anew(uli13, define):
    definition = define()
    uli13.create(definition, OPERATOR)
    uli13.create(replace(definition, memory_mb=definition.memory_mb + 1), OPERATOR)
    assert uli13.describe(LPAR).memory_mb == definition.memory_mb + 1


def test_partition_with_memory_is_not_removed_nor_another_put_in_its_place(uli13, define):
    uli13.boot(define())
    with pytest.raises(HypervisorError, match="9405"):
        uli13.remove(LPAR, OPERATOR)
    with pytest.raises(HypervisorError, match="9404"):
        uli13.create(define(luns=0), OPERATOR)


def test_boot_can_be_broken_off(folder, define):
    with serving(folder / "slow", ULI13, boot_step_s=30) as slow:
        slow.create(define(), OPERATOR)
        slow.activate(LPAR, OPERATOR)
        assert slow.run_state() is RunState.STARTING
        slow.discard(LPAR, OPERATOR)
        assert slow.run_state() is RunState.NOT_ACTIVATED


def test_a_partition_stays_starting_until_the_switch_is_taken_away_or_the_run_ends(uli13, define):
    uli13.create(define(), OPERATOR)
    uli13.set_faults(stay_starting=True)
    for _again in range(2):
        uli13.activate(LPAR, OPERATOR)
        eventually(lambda: uli13.describe(LPAR).reference_code == codes.BOOT[-1])
        assert uli13.run_state() is RunState.STARTING
        uli13.discard(LPAR, OPERATOR)
    uli13.activate(LPAR, OPERATOR)
    uli13.set_faults()
    uli13.wait_for(RunState.RUNNING)


@pytest.mark.parametrize(("rmc", "code"), [("silent", "9419"), ("refuse", "9420")])
def test_operating_system_that_does_not_agree_stays_up(uli13, define, rmc, code):
    uli13.boot(define())
    uli13.prepare_for_migration(LPAR, 1)
    uli13.set_faults(rmc=rmc)
    with pytest.raises(HypervisorError, match=code):
        uli13.shut_down(LPAR, ShutdownKind.OS, OPERATOR)
    with pytest.raises(HypervisorError, match=code):
        uli13.prepare_for_migration(LPAR, 0.1)
    assert uli13.run_state() is RunState.RUNNING
    uli13.shut_down(LPAR, ShutdownKind.DELAYED, OPERATOR)


@pytest.mark.parametrize("switch", ["not_ready_for_migration", "refuse_activate"])
def test_fault_switch_refuses_until_it_is_taken_away(uli13, define, switch):
    uli13.create(define(), OPERATOR)
    uli13.set_faults(**{switch: True})
    if switch == "not_ready_for_migration":
        uli13.activate(LPAR, OPERATOR)
        uli13.wait_for(RunState.RUNNING)
    act = {
        "not_ready_for_migration": lambda: uli13.prepare_for_migration(LPAR, 1),
        "refuse_activate": lambda: uli13.activate(LPAR, OPERATOR),
    }[switch]
    with pytest.raises(HypervisorError):
        act()
    (uli13.state_dir / "faults.json").unlink()
    act()


def test_uptime_can_be_set_for_the_lab_and_counts_on(uli13, define):
    uli13.create(define(), OPERATOR)
    uli13.set_uptime(LPAR, 86400)
    assert uli13.describe(LPAR).uptime_s is None
    uli13.activate(LPAR, OPERATOR)
    uli13.wait_for(RunState.RUNNING)
    assert 86400 < eventually(lambda: uli13.describe(LPAR).uptime_s) < 86460


def test_workload_writes_at_its_rate_and_can_be_changed(uli13, define, move):
    uli13.boot(definition := define(memory_mb=64))
    move(definition).to_pass_end()
    idle = uli13.wait_transfer(LPAR, -1, 0).bytes_remaining
    began = time.monotonic()
    uli13.set_workload(LPAR, 40 * 2**20, FENCE)
    grown = eventually(lambda: r if (r := uli13.wait_transfer(LPAR, -1, 0).bytes_remaining) > 12_000_000 else None)
    rate = grown / (time.monotonic() - began)
    assert idle < 100_000
    assert 20_000_000 < rate < 45_000_000
    assert uli13.describe(LPAR).utilized_units == 0.3


@pytest.mark.parametrize(
    ("entitled", "rate", "expected"),
    [(0.2, 0, 0.03), (0.2, 4 * 2**20, 0.03), (0.2, 40 * 2**20, 0.3), (0.2, 10**9, 2)],
)
def test_utilized_units_follow_the_writes_up_to_a_cap(entitled, rate, expected):
    assert codes.utilized_units(entitled, rate) == expected


def test_partition_that_does_not_fit_is_refused(uli13, define):
    uli13.boot(define(memory_mb=80))
    uli13.create(define(lpar_id=3, memory_mb=49), OPERATOR)
    with pytest.raises(HypervisorError, match="48 MB of 128 MB are free"):
        uli13.activate(3, OPERATOR)
    with pytest.raises(HypervisorError, match="9415"):
        uli13.create_incoming(define(lpar_id=4, memory_mb=49), FENCE)


@both_kinds
def test_older_epoch_is_refused_and_changes_nothing(uli13, define):
    definition = define()
    uli13.create(definition, Fence(5))
    uli13.activate(LPAR, Fence(7))
    uli13.wait_for(RunState.RUNNING)
    stale = Fence(6, MIGRATION)
    for command in (
        lambda: uli13.create(definition, stale),
        lambda: uli13.create_incoming(definition, stale),
        lambda: uli13.remove(LPAR, stale),
        lambda: uli13.activate(LPAR, stale),
        lambda: uli13.shut_down(LPAR, ShutdownKind.IMMEDIATE, stale),
        lambda: uli13.resume(LPAR, stale),
        lambda: uli13.discard(LPAR, stale),
        lambda: uli13.set_workload(LPAR, 0, stale),
        lambda: uli13.open_state_out(LPAR, stale),
        lambda: uli13.open_state_in(LPAR, stale),
        lambda: uli13.cancel_transfer(LPAR, stale),
        lambda: uli13.continue_transfer(LPAR, "pass", stale),
        lambda: uli13.throttle(LPAR, 30, stale),
        lambda: uli13.change_owner_words(LPAR, OwnerWord(), OwnerWord("x"), stale),
    ):
        with pytest.raises(HypervisorError, match="9408"):
            command()
    assert uli13.run_state() is RunState.RUNNING


@both_kinds
def test_command_of_another_migration_is_refused(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).finish()
    other = Fence(1, "another")
    for command in (uli13.resume, uli13.discard, uli14.resume, uli14.discard):
        with pytest.raises(HypervisorError, match="9409"):
            command(LPAR, other)
    assert (uli13.run_state(), uli14.run_state()) == (RunState.COMPLETED, RunState.LOADED)


def test_free_luns_are_taken_at_activation(uli13, define):
    uli13.boot(definition := define(luns=3))
    assert uli13.owner_words(LPAR) == (OwnerWord(definition.uuid, ULI13),) * 3


@pytest.mark.parametrize(
    ("partition", "system", "state", "code", "whose"),
    [
        ("same", ULI14, OwnerState.OWNED, "9410", f"owned by {ULI14} for partition uli13lp1, migration {MIGRATION},"),
        ("same", ULI13, OwnerState.OFFERED, "9410", f"offered by {ULI13} for partition uli13lp1,"),
        ("other", ULI13, OwnerState.OWNED, "9285", f"its owner word says partition other on {ULI13}. "),
    ],
)
def test_activate_is_refused_where_one_lun_is_anothers(uli13, define, partition, system, state, code, whose, caplog):
    caplog.set_level("INFO", "ivmweb.hypervisor")
    uli13.create(definition := define(luns=2), OPERATOR)
    word = OwnerWord(definition.uuid if partition == "same" else "other", system, MIGRATION, state)
    lun.change_word(lun.Path(definition.luns[1].path), OwnerWord(), word)
    with pytest.raises(HypervisorError, match=code) as caught:
        uli13.activate(LPAR, OPERATOR)
    assert whose in caught.value.text
    assert ("migration" in caught.value.text) == (partition == "same"), "another one's LUN is no migration's doing"
    assert uli13.owner_words(LPAR) == (OwnerWord(), word), "the free one was not taken"
    assert uli13.run_state() is RunState.NOT_ACTIVATED
    assert f"refused: [VIOSE01049000-{code}]" in caplog.text, "whoever asked may have died meanwhile"


@both_kinds
def test_loaded_partition_resumes_only_on_its_own_luns(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).finish()
    with pytest.raises(HypervisorError, match="9410"):
        uli14.resume(LPAR, FENCE)
    (mine,) = uli13.owner_words(LPAR)
    offered = OwnerWord(mine.partition_uuid, ULI13, MIGRATION, OwnerState.OFFERED)
    uli13.change_owner_words(LPAR, mine, offered, FENCE)
    with pytest.raises(HypervisorError, match="9410"):
        uli13.resume(LPAR, FENCE)
    uli14.change_owner_words(LPAR, offered, OwnerWord(mine.partition_uuid, ULI14, MIGRATION), FENCE)
    with pytest.raises(HypervisorError, match="9410"):
        uli13.resume(LPAR, FENCE)
    uli14.resume(LPAR, FENCE)
    assert uli14.run_state() is RunState.RUNNING


def test_luns_of_a_partition_that_is_elsewhere_can_be_looked_at(uli13, uli14, define):
    uli13.boot(definition := define(luns=2))
    mine = OwnerWord(definition.uuid, ULI13)
    assert [(seen.unique_id, seen.owner) for seen in uli14.look_at_luns(definition.luns)] == [
        (lun_.unique_id, mine) for lun_ in definition.luns
    ]
    assert uli14.describe(LPAR) is None


def test_a_lun_that_can_not_be_read_hides_no_other_one(uli14, define):
    free = define().luns[0]
    gone = LunReference("6005", f"{free.path}-gone")
    swapped = LunReference("6005", free.path)
    seen = uli14.look_at_luns((gone, swapped, free))
    assert ["no such file" in seen[0].error.lower(), "has the unique ID" in seen[1].error, seen[2].error] == [
        True,
        True,
        "",
    ]
    assert [one.owner for one in seen] == [None, None, OwnerWord()]


def test_more_luns_than_fit_into_a_request_are_looked_at_in_portions(uli14, define):
    one = define().luns[0]
    assert len(uli14.look_at_luns((one,) * 200)) == 200


def test_change_of_owner_words_can_be_repeated_but_not_guessed(uli13, define):
    uli13.boot(definition := define(luns=2))
    mine = OwnerWord(definition.uuid, ULI13)
    offered = OwnerWord(definition.uuid, ULI13, MIGRATION, OwnerState.OFFERED)
    lun.change_word(lun.Path(definition.luns[0].path), mine, offered)  # as if it had died after the first
    for _ in range(2):
        uli13.change_owner_words(LPAR, mine, offered, FENCE)
    assert uli13.owner_words(LPAR) == (offered, offered)
    with pytest.raises(HypervisorError, match="9411"):
        uli13.change_owner_words(LPAR, mine, OwnerWord(), FENCE)


def test_lun_with_another_identity_is_refused(uli13, define):
    definition = define()
    path = lun.Path(definition.luns[0].path)
    path.unlink()
    lun.create_lun(path, "another", MB)
    uli13.create(definition, OPERATOR)
    with pytest.raises(HypervisorError, match="9414"):
        uli13.activate(LPAR, OPERATOR)


def test_one_that_does_not_answer_is_named_with_its_server_and_socket(tmp_path):
    with pytest.raises(HypervisorError) as refused:
        connect("simulated", tmp_path / "vmc", "uli14").describe_system()
    assert f"The hypervisor of uli14 does not answer at {tmp_path}/vmc: No such file" in str(refused.value)


def test_unknown_kind_of_hypervisor_is_named(tmp_path):
    with pytest.raises(ValueError, match="there is: qemu, simulated"):
        connect("vapour", tmp_path, "uli13")


def word_of(console, lun_):
    return console.look_at_luns((lun_,))[0].owner


def test_a_partition_that_runs_gets_a_lun_and_gives_it_back(uli13, define):
    whole = define(luns=3)
    uli13.boot(replace(whole, luns=whole.luns[:1]))
    uli13.change_luns(whole, (), OPERATOR)
    assert [word_of(uli13, one) for one in whole.luns] == [OwnerWord(whole.uuid, ULI13)] * 3
    uli13.change_luns(replace(whole, luns=whole.luns[:2]), whole.luns[2:], OPERATOR)
    assert word_of(uli13, whole.luns[2]) == OwnerWord()
    assert len(uli13.owner_words(LPAR)) == 2
    assert uli13.run_state() is RunState.RUNNING


def test_a_partition_that_runs_keeps_its_first_lun(uli13, define):
    whole = define(luns=2)
    uli13.boot(whole)
    for luns in (whole.luns[1:], (), whole.luns[::-1]):
        with pytest.raises(HypervisorError, match="9669"):
            uli13.change_luns(replace(whole, luns=luns), whole.luns[:1], OPERATOR)
    assert word_of(uli13, whole.luns[0]) == OwnerWord(whole.uuid, ULI13)


def test_a_lun_of_another_partition_is_not_taken_by_one_that_runs(uli13, define):
    whole = define(luns=3)
    foreign = OwnerWord("11111111-0000-4000-8000-000000000000", ULI13)
    lun.change_word(Path(whole.luns[2].path), OwnerWord(), foreign)
    uli13.boot(replace(whole, luns=whole.luns[:1]))
    with pytest.raises(HypervisorError, match="9285"):
        uli13.change_luns(whole, (), OPERATOR)
    assert word_of(uli13, whole.luns[1]) == OwnerWord()
    assert len(uli13.owner_words(LPAR)) == 1


def test_luns_of_a_partition_that_is_off_change_as_a_whole_and_only_its_own_are_freed(uli13, define):
    whole = define(luns=3)
    mine, foreign = OwnerWord(whole.uuid, ULI13, MIGRATION), OwnerWord(whole.uuid, ULI14)
    for reference, word in zip(whole.luns, (mine, foreign, mine), strict=True):
        lun.change_word(Path(reference.path), OwnerWord(), word)
    gone = LunReference("6005", f"{whole.luns[0].path}-gone")
    uli13.change_luns(replace(whole, luns=whole.luns[2:]), (*whole.luns, gone), OPERATOR)
    assert [word_of(uli13, one) for one in whole.luns] == [OwnerWord(), foreign, mine]
    assert uli13.describe(LPAR).name == whole.name


@both_kinds
def test_luns_do_not_change_while_a_stream_has_the_partition(uli13, define):
    whole = define(luns=2)
    uli13.create(replace(whole, luns=whole.luns[:1]), OPERATOR)
    uli13.create_incoming(replace(whole, luns=whole.luns[:1]), FENCE)
    with pytest.raises(HypervisorError, match="9406"):
        uli13.change_luns(whole, (), OPERATOR)


def test_memory_that_is_no_multiple_of_a_block_is_refused_before_anything_starts(folder, define):
    with serving_machine(BlocksMachine(SimulatedOptions(ULI13, folder / "state", memory_mb=1024)), folder) as console:
        definition = define(memory_mb=300)
        console.create(definition, OPERATOR)
        with pytest.raises(HypervisorError, match=r"9730.*300 MB.*256 MB"):
            console.activate(LPAR, OPERATOR)
        with pytest.raises(HypervisorError, match="9730"):
            console.create_incoming(replace(definition, lpar_id=3), FENCE)
        assert console.run_state() is RunState.NOT_ACTIVATED
        assert console.describe(3) is None
        assert console.describe_system().capacity.memory_block_mb == 256


class BlocksMachine(SimulatedMachine):
    memory_block_mb = 256
