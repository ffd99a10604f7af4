"""Changing a partition: what its Properties page changes, a section at a time, all of it or nothing."""

from decimal import Decimal

from django.http import HttpRequest

from ivmweb.api import bodies, schemas
from ivmweb.api.guard import make_router
from ivmweb.api.refusals import OF_BODIES, REFUSALS
from ivmweb.api.tokens import UserToken, user_of
from ivmweb.pages.views.partitions import partition_or_refusal
from ivmweb.system import properties, sections
from ivmweb.system.changes import Asked, Values
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.property_words import ADAPTER_PREFIX, POLICY_PREFIX, VLAN_PREFIX
from ivmweb.system.rights import Right
from ivmweb.system.sections import Section
from migration.peer.lockout import address_of
from migration.peer.messages import Refused

router = make_router("properties")
CHANGER = UserToken(Right.CHANGE)
CHANGES = REFUSALS | OF_BODIES | {409: Refused}


def change(request: HttpRequest, lpar_id: int, section: Section, values: Values) -> schemas.PartitionDetails:
    properties.change(partition_or_refusal(lpar_id), section, asked(request, values))
    return bodies.partition_details(partition_or_refusal(lpar_id), runtime_facts())


def asked(request: HttpRequest, values: Values) -> Asked:
    return Asked(values, user_of(request), address_of(request))


@router.patch(
    "partitions/{int:lpar_id}/general",
    auth=CHANGER,
    response={200: schemas.PartitionDetails} | CHANGES,
    summary="Change its name or workload group",
)
def change_general(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.GeneralChange
) -> schemas.PartitionDetails:
    return change(request, lpar_id, sections.GENERAL, body.model_dump(exclude_unset=True))


@router.patch(
    "partitions/{int:lpar_id}/memory",
    auth=CHANGER,
    response={200: schemas.PartitionDetails} | CHANGES,
    summary="Change its memory",
    description="Only while it is Not Activated.",
)
def change_memory(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.MemoryChange
) -> schemas.PartitionDetails:
    return change(request, lpar_id, sections.MEMORY_SECTION, body.model_dump(exclude_unset=True))


@router.patch(
    "partitions/{int:lpar_id}/processing",
    auth=CHANGER,
    response={200: schemas.PartitionDetails} | CHANGES,
    summary="Change its processors",
    description="The weight at any time, the others only while it is Not Activated.",
)
def change_processing(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.ProcessingChange
) -> schemas.PartitionDetails:
    sent = body.model_dump(exclude_unset=True)
    exact = {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in sent.items()}
    return change(request, lpar_id, sections.PROCESSING, exact)


@router.patch(
    "partitions/{int:lpar_id}/networks",
    auth=CHANGER,
    response={200: schemas.PartitionDetails} | CHANGES,
    summary="Change the VLANs of its virtual Ethernet adapters",
)
def change_networks(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.NetworksChange
) -> schemas.PartitionDetails:
    return change(
        request,
        lpar_id,
        sections.ETHERNET,
        {f"{VLAN_PREFIX}{one.slot}": one.vlan_id for one in body.ethernet_adapters},
    )


@router.patch(
    "partitions/{int:lpar_id}/disks",
    auth=CHANGER,
    response={200: schemas.PartitionDetails} | CHANGES,
    summary="Change the reserve policies of its physical volumes",
)
def change_disks(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.DisksChange
) -> schemas.PartitionDetails:
    return change(
        request,
        lpar_id,
        sections.STORAGE,
        {f"{POLICY_PREFIX}{one.backing_device}": one.reserve_policy.value for one in body.disks},
    )


@router.patch(
    "partitions/{int:lpar_id}/adapters",
    auth=CHANGER,
    response={200: schemas.PartitionDetails} | CHANGES,
    summary="Give it physical adapters, or take them away",
)
def change_adapters(
    request: HttpRequest, lpar_id: schemas.LparId, body: schemas.AdaptersChange
) -> schemas.PartitionDetails:
    return change(
        request,
        lpar_id,
        sections.ADAPTERS,
        {f"{ADAPTER_PREFIX}{one.location}": one.assigned for one in body.physical_adapters},
    )
