"""Networks that are not as the mobile partition and its movers need them, and consoles that are not found there."""

from pathlib import Path

from django.conf import settings

from ivmweb.common.certificates import fingerprint
from ivmweb.lab import changed_settings, data
from ivmweb.lab.records import BRIDGE
from ivmweb.lab.scenarios.mobile import mobile_partition
from ivmweb.lab.scenarios.registry import Where, scenario
from ivmweb.system.models import VirtualEthernet
from migration.models import RemoteSystem

NO_HOST = "no-such-host.invalid"
ITSELF = "itself"


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


@scenario(Where.DESTINATION, "destination_mover_can_be_reached")
def mover_unreachable() -> None:
    """This console tells other systems an address of its mover that does not exist."""
    changed_settings.change(settings.STATE_DIR, "MOVER_HOST", NO_HOST)


@mover_unreachable.undone_by
def mover_reachable() -> None:
    changed_settings.change(settings.STATE_DIR, "MOVER_HOST", None)


@scenario(Where.EITHER, "source_has_free_mover", "destination_has_free_mover")
def no_free_mover() -> None:
    """This server has no mover that is free, in either direction."""
    changed_settings.change(settings.STATE_DIR, "MOVER_SLOTS", 0)


@no_free_mover.undone_by
def free_movers() -> None:
    changed_settings.change(settings.STATE_DIR, "MOVER_SLOTS", None)


@scenario(Where.SOURCE, "destination_is_another_system", "source_is_another_system")
def own_address() -> None:
    """This console knows itself as the remote system `itself`; validate uli13lp1 to that."""
    mobile_partition()
    here, certificate = data.SYSTEMS[settings.CONSOLE], Path(settings.CERTIFICATE).read_text()
    RemoteSystem.objects.update_or_create(
        name=ITSELF,
        defaults={
            "address": settings.PUBLIC_ADDRESS,
            "certificate": certificate,
            "fingerprint": fingerprint(certificate),
            "system_name": here.name,
            "system_identity": here.identity,
            "removed_at": None,
        },
    )


@own_address.undone_by
def others_only() -> None:
    RemoteSystem.objects.filter(name=ITSELF).delete()
