"""Partition Management > Create Partition."""

from contextlib import suppress

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from ivmweb.common.errors import HypervisorError, IvmError
from ivmweb.pages.access import origin_of, page_for
from ivmweb.pages.forms.create_partition import CreatePartitionForm, Offered
from ivmweb.pages.typed import typed_before
from ivmweb.pages.wording import coded
from ivmweb.system import creation, virtual_storage
from ivmweb.system.creation import Wanted
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PhysicalVolume,
    StoragePool,
    VirtualEthernet,
    VirtualMedium,
)
from ivmweb.system.rights import Right
from ivmweb.system.sections import boot_devices


@page_for(Right.CHANGE, keeps_typed=True)
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    form, refused = CreatePartitionForm(request.POST or None, offered(), typed_before(request)), ""
    if request.method == "POST" and form.is_valid():
        wanted = form.wanted()
        try:
            creation.create([wanted], user=request.user, origin=origin_of(request))
        except IvmError as error:
            refused = form.refused_by(error)
        else:
            made = made_by(wanted)
            messages.success(request, coded("partition-created", name=made.name, lpar_id=made.lpar_id))
            return redirect("partitions")
    context = {"form": form, "refused": refused, "keeps_typed": True}
    return render(request, "partitions/create.html", context)


def made_by(wanted: Wanted) -> LogicalPartition:
    if wanted.uuid is not None:
        return LogicalPartition.objects.get(uuid=wanted.uuid)
    return LogicalPartition.objects.get(name=wanted.name)


def offered() -> Offered:
    volumes = (
        LogicalVolume.objects.filter(target_device=None).exclude(path="").select_related("pool").order_by("name")
    )
    return Offered(
        system=ManagedSystem.objects.get(),
        vlans=list(VirtualEthernet.objects.order_by("vlan_id").values_list("vlan_id", flat=True)),
        disks=[*physical_volumes(), *volumes],
        pools=list(StoragePool.objects.order_by("-is_default", "name")),
        media=list(VirtualMedium.objects.all()),
        boot_devices=boot_devices(),
    )


def physical_volumes() -> list[PhysicalVolume]:
    """By their owner words free to be had; all that are free on record where the hypervisor does not answer."""
    free = list(virtual_storage.free_volumes().order_by("pk"))
    with suppress(HypervisorError):
        mappable = virtual_storage.mappable(free)
        return [volume for volume in free if volume.pk in mappable]
    return free
