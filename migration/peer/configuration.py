"""A partition as it travels: from its records into the message, and from the message into a plan."""

from dataclasses import asdict

from ivmweb.system import services as system
from ivmweb.system.models import LogicalPartition
from ivmweb.system.plan import PartitionPlan
from migration.peer.messages import Configuration


def configuration_of(partition: LogicalPartition) -> Configuration:
    """A partition with profile and virtual adapters; disks that are no LUNs are left out: a check refuses them."""
    return Configuration.model_validate(asdict(system.plan_of(partition)))


def plan_from(configuration: Configuration) -> PartitionPlan:
    return PartitionPlan.of(configuration)
