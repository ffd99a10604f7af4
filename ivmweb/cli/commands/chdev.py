"""chdev: the reserve policy of a physical volume, as on the page Properties > Storage."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.configuration import one_of
from ivmweb.cli.devices import RANGES
from ivmweb.cli.pairs import pairs
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import properties
from ivmweb.system.changes import Asked
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, PhysicalVolume
from ivmweb.system.pools import physical_volume_named
from ivmweb.system.property_words import POLICY_PREFIX
from ivmweb.system.rights import Right
from ivmweb.system.sections import STORAGE

RESERVE_POLICY = "reserve_policy"


def run(arguments: Arguments, io: Io) -> int:
    name = arguments.needed("-dev")
    wanted = pairs(arguments.needed("-attr"))
    for attribute in wanted:
        if attribute != RESERVE_POLICY:
            raise PrerequisiteFailed(
                "cli-no-attribute", device=name[:64], attribute=attribute[:64], attributes=RESERVE_POLICY
            )
    volume = physical_volume_named(name)
    policy = one_of(wanted, RESERVE_POLICY, RANGES[RESERVE_POLICY])
    asked = Asked({f"{POLICY_PREFIX}{name}": policy}, io.caller.user, io.caller.origin)
    properties.change(owner_of(volume), STORAGE, asked)
    io.line(f"{name} changed")
    return SUCCESS


def owner_of(volume: PhysicalVolume) -> LogicalPartition:
    """Whose page has it: the partition that it is mapped to, or the management partition."""
    device = getattr(volume, "target_device", None)
    return device.adapter.partition if device else LogicalPartition.objects.get(lpar_id=MANAGEMENT_PARTITION_ID)


COMMAND = Command(
    "chdev",
    Family.IOS,
    "Change the reserve policy of a physical volume",
    run,
    (
        Option("-dev", "device", "the hdisk"),
        Option("-attr", "attribute=value", "reserve_policy=no_reserve or single_path"),
    ),
    page="Properties of a partition, Storage",
    api="PATCH /api/v1/partitions/{lpar_id}/disks",
    changes=Right.CHANGE,
)
