"""A partition as it travels: from its records into the message, and from the message into a plan."""

from dataclasses import asdict

from ivmweb.system import services as system
from ivmweb.system.models import LogicalPartition
from ivmweb.system.plan import PartitionPlan, Placement
from migration.peer.messages import Configuration, PlacementWish, SlotWish


def configuration_of(partition: LogicalPartition) -> Configuration:
    """A partition with profile and virtual adapters; disks that are no LUNs are left out: a check refuses them."""
    return Configuration.model_validate(asdict(system.plan_of(partition)))


def wish_of(placement: Placement) -> PlacementWish:
    slots = tuple(SlotWish(client_slot=client, slot=slot) for client, slot in placement.slots.items() if slot)
    return PlacementWish(lpar_id=placement.lpar_id, slots=slots)


def placement_from(wish: PlacementWish) -> Placement:
    return Placement(wish.lpar_id, {one.client_slot: one.slot for one in wish.slots})


def plan_from(configuration: Configuration) -> PartitionPlan:
    return PartitionPlan.of(configuration)
