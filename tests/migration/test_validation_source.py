"""Each check of the source: what passes it, what fails it, and where it does not apply. No database."""

from dataclasses import replace

import pytest

from ivmweb.common.errors import message
from migration.models import Outcome
from migration.validation.facts import Readiness, SourceDisk, SourceFacts
from migration.validation.found import examine
from migration.validation.link import MoverLink
from migration.validation.source import SOURCE_CHECKS

ACTIVE = SourceFacts(
    host_name="uli13",
    system_identity="7998-61X*100390A",
    remote_name="uli14",
    remote_identity="7998-60X*100E7DA",
    inactive=False,
    partition="uli13lp1",
    lpar_id=2,
    is_management=False,
    state="Running",
    hold="",
    has_open_migration=False,
    rmc_state="active",
    workload_group=None,
    environment="aixlinux",
    os_version="Linux",
    readiness=Readiness(),
    highest_slot=4,
    max_virtual_slots=20,
    physical_adapters=(),
    disks=(SourceDisk("hdisk2", is_lun=True, reserve_policy="no_reserve"),),
    management_rmc_state="active",
    mover_link=MoverLink("uli14:30100", answers=True),
    run_state="running",
    is_capable=True,
    hypervisor_error="",
    migrations_in_progress=0,
    migrations_supported=4,
    movers_busy=0,
    mover_slots=4,
)
INACTIVE = replace(
    ACTIVE, inactive=True, state="Not Activated", rmc_state="none", run_state="", readiness=None, mover_link=None
)
RESERVED = SourceDisk("hdisk2", is_lun=True, reserve_policy="single_path")
NO_LUN = SourceDisk("lv01", is_lun=False)
DRIVE = SourceDisk("vtopt0 (optical drive, medium blank)", is_lun=False)

# (facts, what differs, the check that notices it, outcome, message, what the text must name)
CASES = [
    (ACTIVE, {"is_management": True, "lpar_id": 1}, "partition_is_not_the_management_partition", "failed",
     "check-management-partition", "(ID 1) is the management partition"),
    (ACTIVE, {"state": "Shutting Down"}, "partition_state_allows_migration", "failed",
     "check-partition-state", "is Shutting Down; a migration needs it Running or Not Activated"),
    (ACTIVE, {"state": "Open Firmware"}, "partition_state_allows_migration", "failed",
     "check-partition-state", "is Open Firmware"),
    (ACTIVE, {"state": "Migrating - Running"}, "partition_state_allows_migration", "failed",
     "check-already-migrating", "is being migrated already"),
    (INACTIVE, {"state": "Migrating - Not Activated"}, "partition_state_allows_migration", "failed",
     "check-already-migrating", "is being migrated already"),
    (ACTIVE, {"hold": "moved to uli14"}, "partition_is_free", "failed", "check-partition-moved", "is on uli14"),
    (ACTIVE, {"hold": "shut down"}, "partition_is_free", "failed", "check-partition-held", "the operation shut down"),
    (ACTIVE, {"hold": "a backup"}, "partition_is_free", "failed", "check-partition-reserved",
     "is reserved: a backup. That is no task"),
    (ACTIVE, {"hold": "migration 1", "has_open_migration": True}, "partition_is_free", "failed",
     "check-migration-open", "has a migration that is not over"),
    (ACTIVE, {"is_capable": False}, "source_is_mobility_capable", "failed", "check-not-capable", "active migrations"),
    (INACTIVE, {"is_capable": False}, "source_is_mobility_capable", "failed", "check-not-capable",
     "inactive migrations"),
    (ACTIVE, {"hypervisor_error": "no socket."}, "source_hypervisor_answers", "failed", "check-hypervisor-silent",
     "A migration needs the hypervisor of uli13. no socket."),
    (ACTIVE, {"migrations_in_progress": 4}, "source_allows_another_migration", "warning", "check-queue",
     "active migrations now: in progress 4, supported 4"),
    (INACTIVE, {"migrations_in_progress": 41, "migrations_supported": 40}, "source_allows_another_migration",
     "warning", "check-queue", "inactive migrations now: in progress 41, supported 40"),
    (ACTIVE, {"migrations_supported": 0}, "source_allows_another_migration", "failed", "check-too-many-migrations",
     "no room for active migrations: in progress 0, supported 0"),
    (ACTIVE, {"movers_busy": 4}, "source_has_free_mover", "warning",
     "check-queue-movers", "uli13 is free: 4 of 4"),
    (ACTIVE, {"mover_slots": 0}, "source_has_free_mover", "warning",
     "check-queue-no-mover", "uli13 has no mover at all: IVM_MOVER_SLOTS is 0 there"),
    (ACTIVE, {"remote_identity": "7998-61X*100390A"}, "destination_is_another_system", "failed", "check-same-system",
     "uli14 manages system 7998-61X*100390A"),
    (ACTIVE, {"rmc_state": "inactive"}, "partition_answers_over_rmc", "failed", "check-rmc", "is inactive"),
    (ACTIVE, {"rmc_state": "none"}, "partition_answers_over_rmc", "failed", "check-rmc", "is none"),
    (ACTIVE, {"workload_group": 3}, "partition_is_in_no_workload_group", "failed", "check-workload-group", "group 3"),
    (INACTIVE, {"workload_group": 0}, "partition_is_in_no_workload_group", "failed", "check-workload-group",
     "group 0"),
    (ACTIVE, {"physical_adapters": ("C5",)}, "partition_has_no_physical_adapters", "failed", "check-adapters-present",
     "has physical adapters: C5"),
    (INACTIVE, {"physical_adapters": ("C5", "C6")}, "partition_has_no_physical_adapters", "warning",
     "check-adapters-removed", "C5, C6. The migration takes them away. Give it"),
    (ACTIVE, {"disks": (*ACTIVE.disks, NO_LUN)}, "disks_are_whole_san_volumes", "failed", "check-disks-not-luns",
     "on the SAN: lv01."),
    (ACTIVE, {"disks": (*ACTIVE.disks, DRIVE)}, "disks_are_whole_san_volumes", "failed", "check-disks-not-luns",
     "vtopt0 (optical drive, medium blank). No other system sees these."),
    (ACTIVE, {"disks": (RESERVED,)}, "source_disks_are_not_reserved", "failed", "check-reserve-policy",
     "hdisk2 (single_path)"),
    (ACTIVE, {"run_state": "not activated"}, "hypervisor_confirms_the_state", "failed", "check-state-differs",
     "is Running by the records, but not activated by the hypervisor"),
    (ACTIVE, {"run_state": ""}, "hypervisor_confirms_the_state", "failed", "check-state-differs", "not known there"),
    (INACTIVE, {"run_state": "running"}, "hypervisor_confirms_the_state", "failed", "check-state-differs",
     "is Not Activated by the records, but running"),
    (ACTIVE, {"management_rmc_state": "inactive"}, "source_management_partition_answers_over_rmc", "failed",
     "check-management-rmc", "to the management partition of uli13 is inactive"),
    (INACTIVE, {"management_rmc_state": "none"}, "source_management_partition_answers_over_rmc", "failed",
     "check-management-rmc", "is none"),
    (ACTIVE, {"mover_link": MoverLink("uli14:30100", problem="No route to host")}, "destination_mover_can_be_reached",
     "failed", "check-mover-unreachable", "of uli14 would wait, uli14:30100: No route to host."),
    (ACTIVE, {"mover_link": MoverLink("uli14:30100")}, "destination_mover_can_be_reached", "warning",
     "check-mover-silent", "Nothing answers uli13 at uli14:30100"),
    (INACTIVE, {"environment": "vioserver"}, "operating_system_is_aix_or_linux", "failed", "check-environment",
     "of the environment vioserver"),
    (ACTIVE, {"os_version": "AIX 5.3 5300-06"}, "operating_system_level_supports_migration", "failed",
     "check-os-level", "runs AIX 5.3 5300-06; an active migration needs AIX 5.3 TL7"),
    (ACTIVE, {"os_version": ""}, "operating_system_level_supports_migration", "failed", "check-os-level",
     "runs unknown"),
    (ACTIVE, {"readiness": Readiness(refusal="a script said no.")}, "operating_system_is_ready", "failed",
     "check-os-not-ready", "is not ready: a script said no."),
    (ACTIVE, {"readiness": Readiness(refusal="silence", is_silent=True)}, "operating_system_is_ready", "warning",
     "check-os-silent", "has not answered yet"),
    (INACTIVE, {"highest_slot": 20}, "virtual_slots_are_within_the_maximum", "failed", "check-slot-numbers",
     "in slot C20; its maximum of virtual slots is 20"),
]  # fmt: skip

# What each kind of migration leaves out.
NOT_APPLICABLE = {
    "active": set(),
    "inactive": {
        "source_has_free_mover",
        "partition_answers_over_rmc",
        "destination_mover_can_be_reached",
        "operating_system_level_supports_migration",
        "operating_system_is_ready",
    },
}


def not_passed(facts):
    return {found.check_name: found for found in examine(SOURCE_CHECKS, facts) if found.outcome != Outcome.PASSED}


def wrong(facts):
    """Failures and warnings."""
    return {name: found for name, found in not_passed(facts).items() if found.outcome != Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize(("facts", "changes", "check", "outcome", "key", "says"), CASES)
def test_one_thing_wrong_is_found_by_just_its_check(facts, changes, check, outcome, key, says):
    found = wrong(replace(facts, **changes))
    assert list(found) == [check]
    assert (found[check].outcome, found[check].message_key) == (outcome, key)
    text = message(key).render(found[check].message_params)
    assert says in text
    assert found[check].measured
    assert found[check].body.message_key == key


@pytest.mark.parametrize("facts", [ACTIVE, INACTIVE])
def test_a_partition_that_may_move_passes_every_check_that_applies(facts):
    found = not_passed(facts)
    assert set(found) == NOT_APPLICABLE[facts.kind]
    assert {one.outcome for one in found.values()} <= {Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize(
    "changes",
    [
        {"migrations_in_progress": 3},
        {"movers_busy": 3},
        {"disks": ()},
        {"physical_adapters": ()},
        {"highest_slot": 19},
        {"highest_slot": 0},
        {"os_version": "AIX 5.3 5300-07-01"},
        {"os_version": "Linux 2.6.16.60-0.21-ppc64"},
    ],
)
def test_the_last_value_within_a_limit_passes(changes):
    assert not_passed(replace(ACTIVE, **changes)) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"rmc_state": "none"},
        {"rmc_state": "inactive"},
        {"movers_busy": 4},
        {"os_version": ""},
        {"os_version": "AIX 5.2"},
    ],
)
def test_what_an_inactive_migration_does_not_need_does_not_stop_it(changes):
    assert not_passed(replace(INACTIVE, **changes)) == not_passed(INACTIVE)


def test_each_check_has_a_case_that_it_does_not_pass():
    assert {case[2] for case in CASES} == {check.name for check in SOURCE_CHECKS}


def test_no_check_stops_the_others():
    wrong = replace(ACTIVE, is_management=True, state="Error", workload_group=1, disks=(NO_LUN, RESERVED))
    found = examine(SOURCE_CHECKS, wrong)
    assert len(found) == len(SOURCE_CHECKS)
    assert sum(one.outcome == Outcome.FAILED for one in found) == 5


def test_a_long_list_of_disks_is_cut_with_its_rest_counted():
    disks = tuple(SourceDisk(f"logicalvolume{number}", is_lun=False) for number in range(100))
    found = not_passed(replace(ACTIVE, disks=disks))["disks_are_whole_san_volumes"]
    shown = found.body.message_params["disks"]
    assert shown.startswith("logicalvolume0, logicalvolume1, ")
    named = shown.count("logicalvolume")
    assert shown.endswith(f"and {100 - named} more")
    assert len(shown) <= 255


def test_each_check_declares_the_messages_it_gives_and_whether_it_is_for_active_moves_only():
    given = {}
    for case in CASES:
        given.setdefault(case[2], set()).add(case[4])
    assert {check.name: set(check.says) for check in SOURCE_CHECKS} == given
    assert {check.name for check in SOURCE_CHECKS if check.active_only} == NOT_APPLICABLE["inactive"]
