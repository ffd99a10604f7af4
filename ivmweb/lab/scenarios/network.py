"""Virtual networks that are not as the mobile partition needs them."""

from ivmweb.lab import data
from ivmweb.lab.records import BRIDGE
from ivmweb.lab.scenarios.registry import Where, scenario
from ivmweb.system.models import VirtualEthernet


@scenario(Where.DESTINATION, "networks_are_bridged_at_the_destination")
def vlan_missing() -> None:
    """VLAN 1 does not exist on this server."""
    VirtualEthernet.objects.filter(vlan_id=data.VLAN_ID).delete()


@scenario(Where.DESTINATION, "networks_are_bridged_at_the_destination")
def vlan_not_bridged() -> None:
    """VLAN 1 of this server is not bridged to a physical adapter."""
    VirtualEthernet.objects.update_or_create(vlan_id=data.VLAN_ID, defaults={"bridge_adapter": ""})


@vlan_missing.undone_by
@vlan_not_bridged.undone_by
def bridge_vlan() -> None:
    VirtualEthernet.objects.update_or_create(vlan_id=data.VLAN_ID, defaults={"bridge_adapter": BRIDGE})
