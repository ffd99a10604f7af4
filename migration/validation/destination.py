"""Checks that the destination makes of what would arrive. Pure: each looks at `DestinationFacts` alone."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils.translation import gettext_noop as _

from ivmweb.hypervisor.base import OwnerWord
from ivmweb.hypervisor.lun import describe_word
from ivmweb.system import owners
from ivmweb.system.models.partition import MOVED_TO
from migration.peer.messages import Disk
from migration.validation.both import (
    found_hypervisor,
    found_management_rmc,
    found_migrations,
    found_movers,
    found_reserved,
)
from migration.validation.facts import DestinationFacts, Volume
from migration.validation.found import Check, FoundCheck, failed, listing, not_applicable, passed, warned

CLOCKS_MAY_DIFFER_S = 120
UNITS_PER_PROCESSOR = Decimal("0.1")  # the least that a virtual processor gets

# The two consoles


def peer_protocols_are_equal(facts: DestinationFacts) -> FoundCheck:
    theirs, ours = facts.source.protocol, facts.own.protocol
    if theirs != ours:
        return differing("check-protocol", theirs, ours, facts)
    return passed(theirs, ours)


def hypervisor_versions_are_equal(facts: DestinationFacts) -> FoundCheck:
    theirs, ours = facts.source.stream_version, facts.own.stream_version
    if facts.hypervisor_error or not theirs:  # one that does not answer is a finding of its own
        return not_applicable()
    if theirs != ours:
        return differing("check-stream-version", theirs, ours, facts)
    return passed(theirs, ours)


def differing(key: str, theirs: str | int, ours: str | int, facts: DestinationFacts) -> FoundCheck:
    source = facts.source.host_name
    return failed(key, measured=ours, limit=theirs, theirs=theirs, ours=ours, source=source, system=facts.here)


def source_is_another_system(facts: DestinationFacts) -> FoundCheck:
    theirs, ours = facts.source.system_identity, facts.own.system_identity
    if theirs == ours:
        return failed(
            "check-same-system", measured=theirs, limit=f"not {ours}", remote=facts.here, system_identity=ours
        )
    return passed(theirs, f"not {ours}")


def destination_knows_source(facts: DestinationFacts) -> FoundCheck:
    confirmed, shown = facts.source_fingerprint, facts.source.fingerprint
    if confirmed is None:
        return failed(
            "peer-source-unknown",
            measured="unknown",
            limit="a remote system",
            remote=facts.here,
            system_identity=facts.source.system_identity,
            host_name=facts.source.host_name,
        )
    if shown and shown != confirmed:
        names = {"remote": facts.here, "host_name": facts.source.host_name}
        return failed(
            "peer-source-certificate", measured=shown, limit=confirmed, shown=shown, confirmed=confirmed, **names
        )
    return passed("a remote system", "a remote system")


def user_may_migrate(facts: DestinationFacts) -> FoundCheck:
    if not facts.may_change:
        return failed("peer-view-only", measured="View Only", limit="may migrate", user=facts.user, remote=facts.here)
    return passed("may migrate", "may migrate")


def clocks_are_similar(facts: DestinationFacts) -> FoundCheck:
    """For people who compare logs. Nothing in a migration compares two clocks."""
    if facts.clock_difference_s is None:
        return not_applicable()
    seconds, limit = round(abs(facts.clock_difference_s)), f"up to {CLOCKS_MAY_DIFFER_S} s"
    if seconds > CLOCKS_MAY_DIFFER_S:
        which = "ahead of" if facts.clock_difference_s > 0 else "behind"
        measured = f"{seconds} s {which.removesuffix(' of')}"
        names = {"source": facts.source.host_name, "system": facts.here}
        return warned("check-clocks", measured=measured, limit=limit, seconds=seconds, which=which, **names)
    return passed(f"{seconds} s", limit)


# The destination's capabilities


def destination_is_mobility_capable(facts: DestinationFacts) -> FoundCheck:
    if not facts.is_capable:
        return failed(
            "check-not-capable", measured="not capable", limit="capable", system=facts.here, kind=facts.kind
        )
    return passed("capable", "capable")


def destination_hypervisor_answers(facts: DestinationFacts) -> FoundCheck:
    return found_hypervisor(facts.here, facts.hypervisor_error)


def destination_management_partition_answers_over_rmc(facts: DestinationFacts) -> FoundCheck:
    return found_management_rmc(facts.here, facts.management_rmc_state)


def destination_allows_another_migration(facts: DestinationFacts) -> FoundCheck:
    return found_migrations(facts.here, facts.kind, facts.migrations_in_progress, facts.migrations_supported)


def destination_has_free_mover(facts: DestinationFacts) -> FoundCheck:
    return found_movers(facts.here, facts.movers_busy, facts.mover_slots)


# The partition


def partition_is_not_at_the_destination(facts: DestinationFacts) -> FoundCheck:
    present, absent = facts.present_as, "not there"
    if present:
        key = "check-records-left" if present.startswith(MOVED_TO) else "check-partition-present"
        return failed(key, measured=present, limit=absent, present=present, **facts.who)
    return passed(absent, absent)


def hypervisor_has_no_remains(facts: DestinationFacts) -> FoundCheck:
    if facts.hypervisor_error:
        return not_applicable()
    if facts.remains:
        return failed("check-remains", measured=facts.remains, limit="nothing", remains=facts.remains, **facts.who)
    return passed("nothing", "nothing")


def partition_name_is_free(facts: DestinationFacts) -> FoundCheck:
    if facts.name_taken_by is not None:
        taken = f"ID {facts.name_taken_by}"
        return failed("check-name-taken", measured=taken, limit="free", other_id=facts.name_taken_by, **facts.who)
    return passed("free", "free")


def destination_allows_another_partition(facts: DestinationFacts) -> FoundCheck:
    measured, limit = facts.partitions, f"fewer than {facts.max_partitions}"
    if facts.partitions >= facts.max_partitions:
        key = "check-too-many-partitions" if facts.partitions > 1 else "check-management-partition-alone"
        return failed(key, measured=measured, limit=limit, most=facts.max_partitions, **facts.who)
    return passed(measured, limit)


def compatibility_mode_is_supported(facts: DestinationFacts) -> FoundCheck:
    mode, modes = facts.configuration.compatibility_mode, listing(facts.compatibility_modes)
    if mode not in facts.compatibility_modes:
        return failed("check-compatibility-mode", measured=mode, limit=modes, mode=mode, modes=modes, **facts.who)
    return passed(mode, modes)


def current_mode_is_supported(facts: DestinationFacts) -> FoundCheck:
    """A partition that runs keeps the mode that it was started in, whatever its profile says now."""
    mode, modes = facts.configuration.current_compatibility_mode, listing(facts.compatibility_modes)
    if not mode:
        return not_applicable()
    if mode not in facts.compatibility_modes:
        return failed("check-current-mode", measured=mode, limit=modes, mode=mode, modes=modes, **facts.who)
    return passed(mode, modes)


# Memory and processors


def destination_has_memory(facts: DestinationFacts) -> FoundCheck:
    needed, free = facts.configuration.memory_mb, facts.free_memory_mb
    measured, limit = f"{free} MB free", f"{needed} MB"
    if free < needed:
        return failed("check-memory", measured=measured, limit=limit, needed_mb=needed, free_mb=free, **facts.who)
    return passed(measured, limit)


def memory_region_size_fits(facts: DestinationFacts) -> FoundCheck:
    """Active: the same size on both sides. Inactive: the memory sizes are whole regions of the destination."""
    theirs, ours = facts.configuration.memory_region_mb, facts.memory_region_mb
    if facts.inactive:
        return found_whole_regions(facts, ours)
    if theirs != ours:
        return failed(
            "check-region-size",
            measured=f"{ours} MB",
            limit=f"{theirs} MB",
            theirs_mb=theirs,
            ours_mb=ours,
            source=facts.source.host_name,
            system=facts.here,
        )
    return passed(f"{theirs} MB", f"{ours} MB")


def found_whole_regions(facts: DestinationFacts, region_mb: int) -> FoundCheck:
    wanted = facts.configuration
    sizes = (wanted.memory_minimum_mb, wanted.memory_mb, wanted.memory_maximum_mb)
    measured, limit = ", ".join(f"{size} MB" for size in sizes), f"multiples of {region_mb} MB"
    if any(size % region_mb for size in sizes):
        return failed(
            "check-region-multiple", measured=measured, limit=limit, sizes=measured, region_mb=region_mb, **facts.who
        )
    return passed(measured, limit)


def destination_has_processing_units(facts: DestinationFacts) -> FoundCheck:
    needed, free = facts.configuration.processing_units, facts.free_units
    measured, limit = f"{free} free", str(needed)
    if free < needed:
        return failed("check-units", measured=measured, limit=limit, needed=str(needed), free=str(free), **facts.who)
    return passed(measured, limit)


def memory_maximum_fits(facts: DestinationFacts) -> FoundCheck:
    most, there = facts.configuration.memory_maximum_mb, facts.memory_for_partitions_mb
    measured, limit = f"{most} MB", f"up to {there} MB"
    if most > there:
        return warned(
            "check-memory-maximum", measured=measured, limit=limit, most_mb=most, there_mb=there, **facts.who
        )
    return passed(measured, limit)


def processing_units_maximum_fits(facts: DestinationFacts) -> FoundCheck:
    most, there = facts.configuration.processing_units_maximum, facts.installed_units
    limit = f"up to {there}"
    if most > there:
        return warned(
            "check-units-maximum", measured=most, limit=limit, most=str(most), there=str(there), **facts.who
        )
    return passed(most, limit)


def virtual_processors_fit(facts: DestinationFacts) -> FoundCheck:
    most, there = facts.configuration.virtual_processors_maximum, facts.max_virtual_processors
    measured, limit = f"maximum {most}", f"up to {there}"
    if most > there:
        return failed("check-virtual-processors", measured=measured, limit=limit, most=most, there=there, **facts.who)
    return passed(measured, limit)


def virtual_processors_have_their_units(facts: DestinationFacts) -> FoundCheck:
    units, processors = facts.configuration.processing_units, facts.configuration.virtual_processors
    needed = processors * UNITS_PER_PROCESSOR
    measured, limit = f"{units} for {processors}", f"{needed} or more"
    if units < needed:
        return failed(
            "check-units-per-processor",
            measured=measured,
            limit=limit,
            units=str(units),
            processors=processors,
            needed=str(needed),
            **facts.who,
        )
    return passed(measured, limit)


# Storage and network


def destination_has_virtual_slots(facts: DestinationFacts) -> FoundCheck:
    wished = {wish.client_slot for wish in facts.placement.slots}  # another check's
    slots = [
        slot
        for adapter, slot in zip(facts.configuration.adapters, facts.new_slots, strict=True)
        if adapter.client_slot not in wished
    ]
    needed, found = len(slots), sum(slot is not None for slot in slots)
    measured, limit = f"{found} can be given", f"{needed} needed"
    if found < needed and facts.new_lpar_id is not None:
        return failed("check-slots", measured=measured, limit=limit, needed=needed, found=found, **facts.who)
    return passed(measured, limit) if facts.new_lpar_id is not None else not_applicable()


def disks_are_found_at_the_destination(facts: DestinationFacts) -> FoundCheck:
    missing = [lun_at_source(disk) for disk in facts.disks if disk.unique_id not in facts.volumes]
    needed, seen = len(facts.disks), len(facts.disks) - len(missing)
    measured, limit = f"{seen} of {needed}", "all"
    if missing:
        names = {"disks": listing(missing), "source": facts.source.host_name}
        counts = {"seen": seen, "needed": needed}
        return failed("check-luns-missing", measured=measured, limit=limit, **names, **counts, **facts.who)
    return passed(measured, limit)


def media_are_found_at_the_destination(facts: DestinationFacts) -> FoundCheck:
    loaded = facts.loaded_drives
    missing = [f"{drive.medium} (in {drive.name})" for drive in loaded if drive.sha256 not in facts.media]
    measured, limit = f"{len(loaded) - len(missing)} of {len(loaded)}", "all"
    if missing:
        return failed("check-media-missing", measured=measured, limit=limit, media=listing(missing), **facts.who)
    return passed(measured, limit)


def lun_at_source(disk: Disk) -> str:
    return f"{disk.hdisk or disk.name} (LUN {disk.unique_id})"


def disks_are_free_at_the_destination(facts: DestinationFacts) -> FoundCheck:
    used = [f"{volume.name} (of {volume.used_by})" for volume in volumes(facts) if volume.used_by]
    if used:
        return failed(
            "check-luns-mapped", measured=listing(used), limit="not mapped", disks=listing(used), **facts.who
        )
    return passed("not mapped", "not mapped")


def destination_disks_are_not_reserved(facts: DestinationFacts) -> FoundCheck:
    policies = [(volume.name, volume.reserve_policy) for volume in volumes(facts)]
    return found_reserved(facts.here, policies, facts.configuration.name)


def disks_have_the_same_size(facts: DestinationFacts) -> FoundCheck:
    others = [
        f"{volume.name} ({volume.size_mb} MB there, {disk.size_mb} MB here)"
        for disk in facts.disks
        if (volume := facts.volumes.get(disk.unique_id)) and volume.size_mb != disk.size_mb
    ]
    if others:
        source = facts.source.host_name
        return failed(
            "check-lun-sizes",
            measured=listing(others),
            limit="equal",
            disks=listing(others),
            source=source,
            **facts.who,
        )
    return passed("equal" if facts.disks else "no disks", "equal")


def disks_can_be_read_at_the_destination(facts: DestinationFacts) -> FoundCheck:
    """That a LUN is in the records says nothing of its path today."""
    if not were_looked_at(facts):
        return not_applicable()
    errors = [
        f"{volume.name} ({volume.seen.error})" for volume in volumes(facts) if volume.seen and volume.seen.error
    ]
    errors += [f"{volume.name} (is there more than once)" for volume in volumes(facts) if volume.is_copied]
    limit = "can be read"
    if errors:
        found = listing(errors)
        return failed("check-luns-unreadable", measured=found, limit=limit, disks=found, **facts.who)
    return passed("read" if facts.disks else "no disks", limit)


def locks_of_the_disks_hold_between_servers(facts: DestinationFacts) -> FoundCheck:
    if not were_looked_at(facts):
        return not_applicable()
    devices = [volume.name for volume in volumes(facts) if volume.seen and volume.seen.is_device]
    if devices:
        names = listing(devices)
        return warned(
            "check-lun-devices", measured=f"{names}: block devices", limit="files", disks=names, **facts.who
        )
    return passed("files" if facts.disks else "no disks", "files")


def disks_belong_to_the_source(facts: DestinationFacts) -> FoundCheck:
    """By the owner word on each LUN, as the destination's hypervisor reads it now."""
    if not were_looked_at(facts) or facts.source.system_identity == facts.own.system_identity:
        return not_applicable()
    own, name = str(facts.configuration.uuid), facts.configuration.name
    words = [(volume.name, volume.seen.owner) for volume in volumes(facts) if volume.seen and volume.seen.owner]
    foreign = [
        f"{disk} ({owners.partition_in_words(word.partition_uuid, facts.partition_names)} on {word.system})"
        for disk, word in words
        if word.partition_uuid not in {"", own}
    ]
    others = [
        f"{disk} ({describe_word(word).replace(own, name)})"
        for disk, word in words
        if not belongs_to_source(word, facts)
    ]
    owner = f"owned by {facts.source.system_identity} for partition {name}"
    source, limit = facts.source.host_name, owner
    if foreign:
        names = listing(foreign)
        return failed("check-luns-of-others", measured=names, limit=limit, disks=names, **facts.who)
    if others:
        names = listing(others)
        return failed("check-lun-owners", measured=names, limit=limit, disks=names, source=source, **facts.who)
    return passed("as needed" if facts.disks else "no disks", limit)


def were_looked_at(facts: DestinationFacts) -> bool:
    """False where the hypervisor does not answer; another check says so."""
    return not facts.hypervisor_error and all(volume.seen for volume in volumes(facts))


def belongs_to_source(word: OwnerWord, facts: DestinationFacts) -> bool:
    """A partition that has never run owns nothing yet."""
    if word.is_free:
        return facts.inactive
    return word.is_owned_by(str(facts.configuration.uuid), facts.source.system_identity)


def volumes(facts: DestinationFacts) -> list[Volume]:
    """In the order of the partition's disks."""
    return [facts.volumes[disk.unique_id] for disk in facts.disks if disk.unique_id in facts.volumes]


def networks_are_bridged_at_the_destination(facts: DestinationFacts) -> FoundCheck:
    vlans = sorted({ethernet.vlan_id for ethernet in facts.configuration.ethernets})
    problems = [f"VLAN {vlan} ({problem})" for vlan in vlans if (problem := network_problem(vlan, facts.bridges))]
    if problems:
        names = listing(problems)
        offered = listing([f"VLAN {vlan}" for vlan, bridge in sorted(facts.bridges.items()) if bridge])
        key, known = ("check-networks", {"known": offered}) if offered else ("check-no-networks", {})
        return failed(key, measured=names, limit="exist and are bridged", networks=names, **known, **facts.who)
    return passed(listing([f"VLAN {vlan}" for vlan in vlans]) or "no adapters", "exist and are bridged")


def network_problem(vlan: int, bridges: dict[int, str]) -> str:
    if vlan not in bridges:
        return "does not exist"
    return "" if bridges[vlan] else "not bridged"


def mac_addresses_are_unique(facts: DestinationFacts) -> FoundCheck:
    used = [f"{address} (of {name}, ID {owner})" for address, (name, owner) in sorted(facts.mac_owners.items())]
    if used:
        return failed(
            "check-mac-addresses", measured=listing(used), limit="unused", addresses=listing(used), **facts.who
        )
    return passed("unused", "unused")


# What may change its name or number


def partition_id_can_be_kept(facts: DestinationFacts) -> FoundCheck:
    old, new, wanted = facts.configuration.lpar_id, facts.new_lpar_id, facts.placement.lpar_id
    if wanted is not None and new is None and facts.partitions < facts.max_partitions:
        names = {"wanted": wanted, "maximum": facts.max_partitions}
        return failed("check-wanted-id", measured="can't be given", limit=wanted, **names, **facts.who)
    if new is None:
        return not_applicable()
    if new != old and wanted is None:
        return warned("check-id-changes", measured=new, limit=old, new_id=new, **facts.who)
    return passed(new, old)


def slots_can_be_kept(facts: DestinationFacts) -> FoundCheck:
    wishes = {wish.client_slot: wish.slot for wish in facts.placement.slots}
    adapters = list(zip(facts.configuration.adapters, facts.new_slots, strict=True))
    refused = [
        f"C{wishes[adapter.client_slot]}"
        for adapter, slot in adapters
        if slot is None and facts.new_lpar_id is not None and adapter.client_slot in wishes
    ]
    if refused:
        return failed(
            "check-wanted-slots", measured=listing(refused), limit="free", slots=listing(refused), **facts.who
        )
    changes = [
        f"{adapter.name}: C{adapter.slot} to C{slot}"
        for adapter, slot in adapters
        if slot not in {None, adapter.slot} and adapter.client_slot not in wishes
    ]
    return found_changes("check-slots-change", changes, facts)


def user_defined_names_can_be_kept(facts: DestinationFacts) -> FoundCheck:
    """vtscsi numbers given by the system may change without a word."""
    changes = [
        f"{disk.name} to {name}"
        for disk, name in zip(facts.disks, facts.new_device_names, strict=True)
        if disk.is_user_defined and name != disk.name
    ]
    return found_changes("check-names-change", changes, facts)


def found_changes(key: str, changes: Sequence[str], facts: DestinationFacts) -> FoundCheck:
    if changes:
        return warned(key, measured=listing(changes), limit="unchanged", changes=listing(changes), **facts.who)
    return passed("unchanged", "unchanged")


DESTINATION_CHECKS: tuple[Check[DestinationFacts], ...] = (
    Check(peer_protocols_are_equal, _("Both consoles speak the same protocol"), ("check-protocol",)),
    Check(
        hypervisor_versions_are_equal,
        _("Both hypervisors have the same version"),
        ("check-stream-version",),
        active_only=True,
    ),
    Check(source_is_another_system, _("The source is another system"), ("check-same-system",)),
    Check(
        destination_knows_source,
        _("The destination knows the source as a remote system"),
        ("peer-source-unknown", "peer-source-certificate"),
    ),
    Check(user_may_migrate, _("The remote user may migrate partitions"), ("peer-view-only",)),
    Check(clocks_are_similar, _("The clocks of both consoles are similar"), ("check-clocks",)),
    Check(destination_is_mobility_capable, _("The destination can take partitions over"), ("check-not-capable",)),
    Check(
        destination_hypervisor_answers, _("The hypervisor of the destination answers"), ("check-hypervisor-silent",)
    ),
    Check(
        destination_management_partition_answers_over_rmc,
        _("The management partition of the destination answers over RMC"),
        ("check-management-rmc",),
    ),
    Check(
        destination_allows_another_migration,
        _("The destination allows one more migration"),
        ("check-too-many-migrations", "check-queue"),
    ),
    Check(
        destination_has_free_mover,
        _("The destination has a free mover"),
        ("check-queue-movers", "check-queue-no-mover"),
        active_only=True,
    ),
    Check(
        partition_is_not_at_the_destination,
        _("The partition is not at the destination already"),
        ("check-partition-present", "check-records-left"),
    ),
    Check(hypervisor_has_no_remains, _("The destination's hypervisor has nothing of it left"), ("check-remains",)),
    Check(partition_name_is_free, _("The name of the partition is free"), ("check-name-taken",)),
    Check(
        destination_allows_another_partition,
        _("The destination allows one more partition"),
        ("check-too-many-partitions", "check-management-partition-alone"),
    ),
    Check(
        compatibility_mode_is_supported,
        _("The processor compatibility mode is supported"),
        ("check-compatibility-mode",),
    ),
    Check(
        current_mode_is_supported,
        _("The compatibility mode that the partition runs in is supported"),
        ("check-current-mode",),
        active_only=True,
    ),
    Check(destination_has_memory, _("The destination has enough free memory"), ("check-memory",)),
    Check(memory_region_size_fits, _("The memory region size fits"), ("check-region-size", "check-region-multiple")),
    Check(destination_has_processing_units, _("The destination has enough free processing units"), ("check-units",)),
    Check(
        virtual_processors_fit,
        _("The destination supports so many virtual processors"),
        ("check-virtual-processors",),
    ),
    Check(
        virtual_processors_have_their_units,
        _("Each virtual processor has a tenth of a processing unit"),
        ("check-units-per-processor",),
    ),
    Check(memory_maximum_fits, _("The maximum memory is within the destination's memory"), ("check-memory-maximum",)),
    Check(
        processing_units_maximum_fits,
        _("The maximum processing units are within the destination's processors"),
        ("check-units-maximum",),
    ),
    Check(destination_has_virtual_slots, _("The destination has enough free virtual slots"), ("check-slots",)),
    Check(
        disks_are_found_at_the_destination,
        _("The destination sees all LUNs of the partition"),
        ("check-luns-missing",),
    ),
    Check(
        media_are_found_at_the_destination,
        _("The destination has the media that are loaded, with the same content"),
        ("check-media-missing",),
    ),
    Check(
        disks_are_free_at_the_destination,
        _("No other partition uses the LUNs at the destination"),
        ("check-luns-mapped",),
    ),
    Check(disks_have_the_same_size, _("Both systems see the LUNs with the same size"), ("check-lun-sizes",)),
    Check(
        disks_can_be_read_at_the_destination, _("The destination can read the LUNs now"), ("check-luns-unreadable",)
    ),
    Check(
        disks_belong_to_the_source,
        _("The LUNs belong to the partition at the source"),
        ("check-lun-owners", "check-luns-of-others"),
    ),
    Check(
        locks_of_the_disks_hold_between_servers,
        _("Locks of the LUNs hold between both systems"),
        ("check-lun-devices",),
    ),
    Check(
        destination_disks_are_not_reserved, _("The destination does not reserve the disks"), ("check-reserve-policy",)
    ),
    Check(
        networks_are_bridged_at_the_destination,
        _("The virtual networks exist at the destination and are bridged"),
        ("check-networks", "check-no-networks"),
    ),
    Check(mac_addresses_are_unique, _("The MAC addresses are unique at the destination"), ("check-mac-addresses",)),
    Check(partition_id_can_be_kept, _("The partition ID can be kept"), ("check-id-changes", "check-wanted-id")),
    Check(slots_can_be_kept, _("The virtual slots can be kept"), ("check-slots-change", "check-wanted-slots")),
    Check(user_defined_names_can_be_kept, _("User-defined device names can be kept"), ("check-names-change",)),
)
