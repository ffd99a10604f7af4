"""Each check of the destination: what passes it, what fails it, and where it does not apply. No database."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from ivmweb.common.errors import message
from ivmweb.hypervisor.base import LunFacts, OwnerState, OwnerWord
from ivmweb.lab import data
from ivmweb.system.models import LogicalVolume, StoragePool
from migration.models import Outcome
from migration.peer.messages import (
    PROTOCOL_VERSION,
    Adapter,
    Configuration,
    Disk,
    Drive,
    Ethernet,
    PlacementWish,
    SlotWish,
)
from migration.validation.destination import DESTINATION_CHECKS
from migration.validation.facts import DestinationFacts, Volume, new_device_names
from migration.validation.found import examine
from tests.migration.conftest import hello_of

CONFIGURATION = Configuration(
    uuid=UUID(int=2),
    lpar_id=2,
    name="uli13lp1",
    environment="aixlinux",
    memory_minimum_mb=512,
    memory_mb=1024,
    memory_maximum_mb=2048,
    processor_mode="shared",
    processing_units_minimum=Decimal("0.1"),
    processing_units=Decimal("0.5"),
    processing_units_maximum=Decimal("1"),
    virtual_processors_minimum=1,
    virtual_processors=1,
    virtual_processors_maximum=2,
    uncapped_weight=128,
    compatibility_mode="POWER6",
    current_compatibility_mode="POWER6",
    os_version="Linux",
    rmc_state="active",
    auto_start=False,
    ever_activated=True,
    max_virtual_slots=20,
    workload_bytes_per_s=0,
    workload_set_mb=0,
    memory_region_mb=16,
    adapters=(
        Adapter(
            name="vhost0",
            slot=11,
            client_slot=2,
            disks=(
                Disk(unique_id="A", size_mb=1, lun_number=0x81, name="vtscsi0", is_user_defined=False,
                     reserve_policy="no_reserve"),
                Disk(unique_id="B", size_mb=1, lun_number=0x82, name="rootdisk", is_user_defined=True,
                     reserve_policy="no_reserve", hdisk="hdisk3"),
            ),
            drives=(
                Drive(lun_number=0x83, name="vtopt0", is_user_defined=False, sha256="d1" * 32, medium="linux"),
                Drive(lun_number=0x84, name="vtopt1", is_user_defined=False, sha256="", medium=""),
            ),
        ),
    ),
    ethernets=(Ethernet(slot=4, vlan_id=1, mac_address="6A88A2E8C204"),),
)  # fmt: skip
OWNER = OwnerWord(str(UUID(int=2)), data.ULI13.identity, "an earlier migration")


def seen(unique_id, **fields):
    return LunFacts(unique_id, **{"owner": OWNER} | fields)


VOLUMES = {
    "A": Volume("hdisk7", "no_reserve", "", 1, seen("A")),
    "B": Volume("hdisk8", "no_reserve", "", 1, seen("B")),
}
CONFIRMED = ":".join(["AA"] * 32)
ACTIVE = DestinationFacts(
    own=hello_of(data.ULI14),
    source=hello_of(data.ULI13),
    inactive=False,
    configuration=CONFIGURATION,
    source_fingerprint=CONFIRMED,
    user="padmin",
    may_change=True,
    clock_difference_s=0.2,
    management_rmc_state="active",
    is_capable=True,
    hypervisor_error="",
    migrations_in_progress=0,
    migrations_supported=4,
    movers_busy=0,
    mover_slots=4,
    remains="",
    present_as="",
    name_taken_by=None,
    partitions=1,
    max_partitions=40,
    free_memory_mb=2752,
    memory_region_mb=16,
    free_units=Decimal("1.8"),
    memory_for_partitions_mb=3776,
    installed_units=Decimal("2.00"),
    max_virtual_processors=64,
    compatibility_modes=("default", "POWER6"),
    volumes=VOLUMES,
    media=frozenset({"d1" * 32}),
    bridges={1: "ent0", 2: ""},
    mac_owners={},
    placement=PlacementWish(),
    new_lpar_id=2,
    new_slots=(11,),
    new_device_names=("vtscsi0", "rootdisk"),
)
INACTIVE = replace(ACTIVE, inactive=True)


def with_configuration(**changes):
    return {"configuration": CONFIGURATION.model_copy(update=changes)}


def with_volume(**changes):
    return VOLUMES | {"A": replace(VOLUMES["A"], **changes)}


def owned(**changes):
    return {"volumes": with_volume(seen=seen("A", owner=replace(OWNER, **changes)))}


def on_vlan(vlan):
    return with_configuration(ethernets=(Ethernet(slot=4, vlan_id=vlan, mac_address="6A88A2E8C204"),))


# (facts, what differs, the check that notices it, outcome, message, what the text must name)
CASES = [
    (ACTIVE, {"source": hello_of(data.ULI13, protocol=1)}, "peer_protocols_are_equal", "failed", "check-protocol",
     f"uli13 speaks version 1 of the peer protocol, uli14 speaks version {PROTOCOL_VERSION}"),
    (ACTIVE, {"source": hello_of(data.ULI13, stream_version="old")}, "hypervisor_versions_are_equal", "failed",
     "check-stream-version", "has version old, that of uli14 has version simulated 1"),
    (ACTIVE, {"source": hello_of(data.ULI13, system_identity=data.ULI14.identity)}, "source_is_another_system",
     "failed", "check-same-system", "uli14 manages system 7998-60X*100E7DA"),
    (ACTIVE, {"source_fingerprint": None}, "destination_knows_source", "failed", "peer-source-unknown",
     "Add uli13 to the remote systems of uli14"),
    (ACTIVE, {"source": hello_of(data.ULI13, fingerprint=CONFIRMED.replace("AA", "BB"))}, "destination_knows_source",
     "failed", "peer-source-certificate", "uli13 shows another certificate than the one confirmed for it on uli14"),
    (ACTIVE, {"may_change": False}, "user_may_migrate", "failed", "peer-view-only", "User padmin of uli14"),
    (ACTIVE, {"is_capable": False}, "destination_is_mobility_capable", "failed", "check-not-capable",
     "uli14 is not capable of active"),
    (ACTIVE, {"hypervisor_error": "gone."}, "destination_hypervisor_answers", "failed", "check-hypervisor-silent",
     "A migration needs the hypervisor of uli14. gone."),
    (ACTIVE, {"migrations_in_progress": 4}, "destination_allows_another_migration", "warning", "check-queue",
     "System uli14 has no room for active migrations now: in progress 4"),
    (ACTIVE, {"migrations_supported": 0}, "destination_allows_another_migration", "failed",
     "check-too-many-migrations", "System uli14 has no room for active migrations: in progress 0"),
    (ACTIVE, {"movers_busy": 5}, "destination_has_free_mover", "warning",
     "check-queue-movers", "uli14 is free: 5 of 4"),
    (ACTIVE, {"mover_slots": 0}, "destination_has_free_mover", "warning",
     "check-queue-no-mover", "waits until that setting is raised on uli14"),
    (ACTIVE, {"present_as": "moved to uli13"}, "partition_is_not_at_the_destination", "failed",
     "check-records-left", "Remove them on uli14 under Restored Database"),
    (ACTIVE, {"present_as": "uli13lp1 (ID 2, Running)"}, "partition_is_not_at_the_destination", "failed",
     "check-partition-present", "is on uli14 already: uli13lp1 (ID 2, Running)"),
    (ACTIVE, {"name_taken_by": 5}, "partition_name_is_free", "failed", "check-name-taken", "(ID 5 there)"),
    (ACTIVE, {"partitions": 40}, "destination_allows_another_partition", "failed", "check-too-many-partitions",
     "The most partitions that uli14 supports is 40"),
    (ACTIVE, {"partitions": 1, "max_partitions": 1}, "destination_allows_another_partition", "failed",
     "check-management-partition-alone", "its management partition is one"),
    (ACTIVE, with_configuration(compatibility_mode="POWER7"), "compatibility_mode_is_supported", "failed",
     "check-compatibility-mode", "mode POWER7; uli14 supports default, POWER6"),
    (ACTIVE, {"free_memory_mb": 1023}, "destination_has_memory", "failed", "check-memory",
     "needs 1024 MB of memory; uli14 has 1023 MB free"),
    (ACTIVE, {"memory_region_mb": 32}, "memory_region_size_fits", "failed", "check-region-size",
     "of uli13 is 16 MB, that of uli14 is 32 MB"),
    (INACTIVE, {"memory_region_mb": 100}, "memory_region_size_fits", "failed", "check-region-multiple",
     "512 MB, 1024 MB, 2048 MB; on uli14 memory is given in regions of 100 MB"),
    (ACTIVE, {"free_units": Decimal("0.4")}, "destination_has_processing_units", "failed", "check-units",
     "needs 0.5 processing units; uli14 has 0.4 free"),
    (ACTIVE, {"new_slots": (None,)}, "destination_has_virtual_slots", "failed", "check-slots",
     "of uli14, partition uli13lp1 (ID 2) needs 1, and 0 are free."),
    (ACTIVE, {"volumes": {"A": VOLUMES["A"]}}, "disks_are_found_at_the_destination", "failed", "check-luns-missing",
     "uli14 sees 1 of 2 disks of partition uli13lp1 (ID 2) and needs to see all. Missing, with their names on uli13: "
     "hdisk3 (LUN B)."),
    (ACTIVE, {"media": frozenset()}, "media_are_found_at_the_destination", "failed", "check-media-missing",
     "with the same content: linux (in vtopt0). Make them there"),
    (ACTIVE, {"volumes": with_volume(used_by="other, ID 4")},
     "disks_are_free_at_the_destination", "failed", "check-luns-mapped", "hdisk7 (of other, ID 4)"),
    (ACTIVE, {"volumes": with_volume(reserve_policy="single_path")},
     "destination_disks_are_not_reserved", "failed", "check-reserve-policy", "hdisk7 (single_path)"),
    (ACTIVE, on_vlan(7), "networks_are_bridged_at_the_destination", "failed", "check-networks",
     "VLAN 7 (does not exist). Each must exist on uli14 and be bridged"),
    (ACTIVE, on_vlan(2), "networks_are_bridged_at_the_destination", "failed", "check-networks",
     "in Partition Properties > Ethernet; there is: VLAN 1."),
    (ACTIVE, {"bridges": {1: ""}}, "networks_are_bridged_at_the_destination", "failed", "check-no-networks",
     "VLAN 1 (not bridged). Each must exist on uli14"),
    (ACTIVE, {"mac_owners": {"6A88A2E8C204": ("other", 4)}}, "mac_addresses_are_unique", "failed",
     "check-mac-addresses", "6A88A2E8C204 (of other, ID 4). A MAC address may be there only once"),
    (ACTIVE, {"new_lpar_id": 3}, "partition_id_can_be_kept", "warning", "check-id-changes",
     "The ID 2 of partition uli13lp1 is in use on uli14; it will be 3 there"),
    (ACTIVE, {"new_slots": (13,)}, "slots_can_be_kept", "warning", "check-slots-change", "vhost0: C11 to C13"),
    (ACTIVE, {"placement": PlacementWish(lpar_id=3), "new_lpar_id": None, "new_slots": (None,)},
     "partition_id_can_be_kept", "failed", "check-wanted-id", "is wanted with ID 3 on uli14, which is taken there"),
    (ACTIVE, {"placement": PlacementWish(slots=(SlotWish(client_slot=2, slot=31),)), "new_slots": (None,)},
     "slots_can_be_kept", "failed", "check-wanted-slots",
     "the virtual slots C31 of the management partition of uli14"),
    (ACTIVE, {"new_device_names": ("vtscsi0", "vtscsi4")}, "user_defined_names_can_be_kept", "warning",
     "check-names-change", "rootdisk to vtscsi4"),
    (ACTIVE, {"clock_difference_s": 121.0}, "clocks_are_similar", "warning", "check-clocks",
     "The clock of uli14 is 121 s ahead of that of uli13"),
    (INACTIVE, {"clock_difference_s": -7200.0}, "clocks_are_similar", "warning", "check-clocks",
     "The clock of uli14 is 7200 s behind that of uli13"),
    (INACTIVE, {"management_rmc_state": "none"}, "destination_management_partition_answers_over_rmc", "failed",
     "check-management-rmc", "to the management partition of uli14 is none"),
    (ACTIVE, {"remains": "uli13lp1 (ID 2, failed incoming)"}, "hypervisor_has_no_remains", "failed", "check-remains",
     "has uli13lp1 (ID 2, failed incoming), which no record of uli14 knows"),
    (ACTIVE, with_configuration(current_compatibility_mode="POWER7"), "current_mode_is_supported", "failed",
     "check-current-mode", "runs in the processor compatibility mode POWER7; uli14 supports default, POWER6"),
    (ACTIVE, {"max_virtual_processors": 1}, "virtual_processors_fit", "failed", "check-virtual-processors",
     "up to 2 virtual processors; uli14 supports 1"),
    (ACTIVE, with_configuration(virtual_processors=6, virtual_processors_maximum=6),
     "virtual_processors_have_their_units", "failed", "check-units-per-processor",
     "has 0.5 processing units, and virtual processors: 6; uli14 needs 0.6"),
    (ACTIVE, {"memory_for_partitions_mb": 2047}, "memory_maximum_fits", "warning", "check-memory-maximum",
     "is 2048 MB; uli14 has 2047 MB for all its partitions"),
    (ACTIVE, {"installed_units": Decimal("0.90")}, "processing_units_maximum_fits", "warning", "check-units-maximum",
     "is 1 processing units; uli14 has 0.90 altogether"),
    (ACTIVE, {"volumes": with_volume(size_mb=2)}, "disks_have_the_same_size", "failed", "check-lun-sizes",
     "another size than uli13 does: hdisk7 (2 MB there, 1 MB here)"),
    (ACTIVE, {"volumes": with_volume(seen=LunFacts("A", error="no path."))}, "disks_can_be_read_at_the_destination",
     "failed", "check-luns-unreadable", "can't read them now: hdisk7 (no path.)"),
    (ACTIVE, {"volumes": with_volume(is_copied=True)}, "disks_can_be_read_at_the_destination",
     "failed", "check-luns-unreadable", "can't read them now: hdisk7 (is there more than once)"),
    (ACTIVE, {"volumes": with_volume(seen=seen("A", is_device=True))}, "locks_of_the_disks_hold_between_servers",
     "warning", "check-lun-devices", "(ID 2) are block devices on uli14: hdisk7. No lock"),
    (ACTIVE, owned(system=data.ULI14.identity), "disks_belong_to_the_source", "failed", "check-lun-owners",
     "hdisk7 (owned by 7998-60X*100E7DA for partition"),
    (ACTIVE, owned(partition_uuid="another"), "disks_belong_to_the_source", "failed", "check-luns-of-others",
     f"hdisk7 (partition another on {data.ULI13.identity})"),
    (ACTIVE, owned(partition_uuid="another") | {"partition_names": {"another": "db"}}, "disks_belong_to_the_source",
     "failed", "check-luns-of-others", f"never be allowed to run it: hdisk7 (partition db on {data.ULI13.identity})"),
    (INACTIVE, owned(state=OwnerState.OFFERED), "disks_belong_to_the_source", "failed", "check-lun-owners",
     "hdisk7 (offered by 7998-61X*100390A"),
    (ACTIVE, {"volumes": with_volume(seen=seen("A", owner=OwnerWord()))}, "disks_belong_to_the_source", "failed",
     "check-lun-owners", "hdisk7 (free)"),
]  # fmt: skip
NOT_APPLICABLE = {
    "active": set(),
    "inactive": {"hypervisor_versions_are_equal", "destination_has_free_mover", "current_mode_is_supported"},
}


def not_passed(facts):
    return {
        found.check_name: found for found in examine(DESTINATION_CHECKS, facts) if found.outcome != Outcome.PASSED
    }


def wrong(facts):
    """Failures and warnings."""
    return {name: found for name, found in not_passed(facts).items() if found.outcome != Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize(("facts", "changes", "check", "outcome", "key", "says"), CASES)
def test_one_thing_wrong_is_found_by_just_its_check(facts, changes, check, outcome, key, says):
    found = wrong(replace(facts, **changes))
    assert list(found) == [check]
    assert (found[check].outcome, found[check].message_key) == (outcome, key)
    assert says in message(key).render(found[check].message_params)
    assert found[check].measured
    assert found[check].body.message_key == key


@pytest.mark.parametrize("facts", [ACTIVE, INACTIVE])
def test_a_destination_that_fits_passes_every_check_that_applies(facts):
    found = not_passed(facts)
    assert set(found) == NOT_APPLICABLE[facts.kind]
    assert {one.outcome for one in found.values()} <= {Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize(
    "changes",
    [
        {"free_memory_mb": 1024},
        {"free_units": Decimal("0.50")},
        {"partitions": 39},
        {"migrations_in_progress": 3},
        {"movers_busy": 3},
        {"clock_difference_s": -120.0},
        {"max_virtual_processors": 2},
        {"memory_for_partitions_mb": 2048},
        {"installed_units": Decimal("1.00")},
        with_configuration(virtual_processors=5, virtual_processors_maximum=5),
        {"new_device_names": ("vtscsi9", "rootdisk")},
        with_configuration(adapters=()) | {"new_slots": (), "new_device_names": (), "volumes": {}},
        with_configuration(ethernets=()),
    ],
)
def test_the_last_value_within_a_limit_passes(changes):
    assert not_passed(replace(ACTIVE, **changes)) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"source": hello_of(data.ULI13, stream_version="old")},
        {"movers_busy": 4},
        {"memory_region_mb": 128},
        with_configuration(current_compatibility_mode="POWER7"),
        {"volumes": with_volume(seen=seen("A", owner=OwnerWord()))},  # it has never run
    ],
)
def test_what_an_inactive_migration_does_not_need_does_not_stop_it(changes):
    assert not_passed(replace(INACTIVE, **changes)) == not_passed(INACTIVE)


def test_a_full_destination_says_so_once_and_not_by_its_slots():
    full = replace(ACTIVE, partitions=40, new_lpar_id=None, new_slots=(None,))
    failed = {name for name, found in not_passed(full).items() if found.outcome == Outcome.FAILED}
    assert failed == {"destination_allows_another_partition"}


@pytest.mark.parametrize("error", ["", "gone."])
def test_a_hypervisor_that_does_not_answer_says_so_once_and_not_by_its_luns(error):
    facts = replace(ACTIVE, hypervisor_error=error, volumes=with_volume(seen=None))
    failed = {name for name, found in not_passed(facts).items() if found.outcome == Outcome.FAILED}
    assert failed == ({"destination_hypervisor_answers"} if error else set())


def test_a_source_whose_hypervisor_is_silent_is_no_other_version():
    found = not_passed(replace(ACTIVE, source=hello_of(data.ULI13, stream_version="")))
    assert found["hypervisor_versions_are_equal"].outcome is Outcome.NOT_APPLICABLE


def test_each_check_has_a_case_that_it_does_not_pass():
    assert {case[2] for case in CASES} == {check.name for check in DESTINATION_CHECKS}


def test_each_check_declares_the_messages_it_gives_and_whether_it_is_for_active_moves_only():
    given = {}
    for case in CASES:
        given.setdefault(case[2], set()).add(case[4])
    assert {check.name: set(check.says) for check in DESTINATION_CHECKS} == given
    assert {check.name for check in DESTINATION_CHECKS if check.active_only} == NOT_APPLICABLE["inactive"]


def test_a_disk_is_renamed_where_a_device_of_another_kind_has_its_name(db):
    pool = StoragePool.objects.create(name="pool", size_mb=1024)
    LogicalVolume.objects.create(pool=pool, name="rootdisk", size_mb=64)
    assert new_device_names(ACTIVE.configuration) == ("vtscsi0", "vtscsi1")


def test_what_was_wanted_and_is_given_is_no_change():
    wish = PlacementWish(lpar_id=5, slots=(SlotWish(client_slot=2, slot=31),))
    given = replace(ACTIVE, placement=wish, new_lpar_id=5, new_slots=(31,))
    assert not_passed(given) == {}
