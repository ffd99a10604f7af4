"""Partition Properties: one address a tab. What may be changed now is a field, everything else is a fact."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from ivmweb.common.errors import IvmError
from ivmweb.monitor.services import newest_task
from ivmweb.pages import formats
from ivmweb.pages.access import is_fragment, origin_of, page_for
from ivmweb.pages.forms.properties import (
    AdaptersForm,
    EthernetForm,
    GeneralForm,
    MemoryForm,
    ProcessingForm,
    PropertiesForm,
    StorageForm,
)
from ivmweb.pages.partition_table import Facts, row
from ivmweb.pages.properties import Fact, Records, TabLink, facts_of, submit
from ivmweb.pages.typed import typed_before
from ivmweb.pages.views.partitions import partition_or_refusal
from ivmweb.pages.wording import coded, words_of
from ivmweb.system import properties as services
from ivmweb.system import sections
from ivmweb.system.changes import Values
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    PhysicalVolume,
    RmcState,
    VirtualEthernet,
    VirtualTargetDevice,
    VolumeTrouble,
)
from ivmweb.system.property_words import ADAPTER_PREFIX, POLICY_PREFIX, VLAN_PREFIX
from ivmweb.system.rights import Right, can
from migration.roles import migration_of_hold

Form = PropertiesForm
RMC_TONES = {RmcState.ACTIVE: "good", RmcState.INACTIVE: "attention", RmcState.NONE: "quiet"}


def general_form(data: Any, now: Values) -> Form:
    return GeneralForm(data, now, sections.boot_devices())


def processing_form(data: Any, now: Values) -> Form:
    return ProcessingForm(data, now, list(ManagedSystem.objects.get().compatibility_modes))


def ethernet_form(data: Any, now: Values) -> Form:
    return EthernetForm(data, now, list(VirtualEthernet.objects.values_list("vlan_id", flat=True)))


def no_facts(partition: LogicalPartition) -> list[Fact]:
    return []


def memory_facts(partition: LogicalPartition) -> list[Fact]:
    system = ManagedSystem.objects.get()
    return [
        Fact(_("Memory available on the system"), f"{system.free_memory_mb} MB"),
        Fact(_("Memory region size"), formats.memory(system.memory_region_mb)),
    ]


def processing_facts(partition: LogicalPartition) -> list[Fact]:
    system = ManagedSystem.objects.get()
    return [
        Fact(_("Processing units available on the system"), formats.units(system.free_units)),
        Fact(_("Processor modes of the system"), ", ".join(system.compatibility_modes)),
    ]


def general_facts(partition: LogicalPartition) -> list[Fact]:
    return [
        Fact(_("Partition ID"), partition.lpar_id),
        Fact(_("Environment"), partition.get_environment_display()),
        Fact(_("Operating system"), partition.os_version),
        Fact(_("Maximum virtual slots"), partition.max_virtual_slots),
    ]


def no_rows(partition: LogicalPartition, form: Form) -> list[Any]:
    return []


def ethernet_rows(partition: LogicalPartition, form: Form) -> list[Any]:
    bridges = dict(VirtualEthernet.objects.values_list("vlan_id", "bridge_adapter"))
    return [
        {
            "adapter": adapter,
            "bridge": bridges.get(adapter.vlan_id, ""),
            "field": form[key] if (key := f"{VLAN_PREFIX}{adapter.slot}") in form.fields else None,
        }
        for adapter in partition.ethernet_adapters.all()
    ]


@dataclass(frozen=True)
class Disk:
    """A backing device, with the virtual target device where a partition has it."""

    name: str | Promise
    size_mb: int | None  # None: a drive without a medium
    volume: PhysicalVolume | None
    device: VirtualTargetDevice | None
    field: Any  # None where there is nothing to choose
    tie: str | Promise = ""  # why a partition with it can't leave this server
    hints: tuple[str | Promise, ...] = ()  # what is wrong with it, or should be known of it


def storage_rows(partition: LogicalPartition, form: Form) -> list[Any]:
    if partition.is_management:
        return [disk_row(volume, None, form) for volume in sections.volumes_of(partition)]
    devices = VirtualTargetDevice.objects.filter(adapter__partition=partition)
    rows = devices.select_related("adapter", "physical_volume", "logical_volume", "medium")
    return [device_row(device, form) for device in rows.order_by("adapter__slot", "lun_number")]


def device_row(device: VirtualTargetDevice, form: Form) -> Disk:
    disk = device.physical_volume or device.logical_volume
    if disk:
        return disk_row(disk, device, form)
    size_mb = device.medium.size_mb if device.medium else None
    name = device.backing_device or _("Optical drive without a medium")
    is_tied = device.medium is not None and not device.medium.can_move
    tie = _("Medium only on this server: unload it before a migration") if is_tied else ""
    return Disk(name, size_mb, None, device, None, tie)


def disk_row(disk: PhysicalVolume | LogicalVolume, device: VirtualTargetDevice | None, form: Form) -> Disk:
    volume = disk if isinstance(disk, PhysicalVolume) else None
    key = f"{POLICY_PREFIX}{disk.name}"
    field = form[key] if volume and key in form.fields else None
    tie = "" if volume else _("Logical volume: only on this server, cannot be migrated")
    return Disk(disk.name, disk.size_mb, volume, device, field, tie, hints_of(volume) if volume else ())


def hints_of(volume: PhysicalVolume) -> tuple[str | Promise, ...]:
    trouble = (VolumeTrouble(volume.trouble).label,) if volume.trouble else ()
    device = (_("Block device: between servers the owner word alone guards it"),) if volume.is_device else ()
    return trouble + device


def adapter_rows(partition: LogicalPartition, form: Form) -> list[Any]:
    """Those of the partition and those that it could get; one of another client can't be chosen."""
    system = ManagedSystem.objects.get()
    return [
        {
            "adapter": adapter,
            "field": form[key] if (key := f"{ADAPTER_PREFIX}{adapter.location}") in form.fields else None,
            "why": why_not(partition, adapter, system),
        }
        for adapter in PhysicalAdapter.objects.select_related("partition")
    ]


def why_not(partition: LogicalPartition, adapter: PhysicalAdapter, system: ManagedSystem) -> str | Promise:
    """Why its box can't be changed by anybody here; empty where it can."""
    is_own = adapter.partition_id == partition.pk
    if sections.is_essential(system, adapter.location) and (partition.is_management or not is_own):
        return _("Stays with the management partition: it carries the disks of the whole system.")
    if not is_own and adapter.partition and not adapter.partition.is_management:
        return _("Belongs to another partition; take it away there first.")
    return _("Give it to a partition in the properties of that partition.") if partition.is_management else ""


@dataclass(frozen=True)
class Tab:
    title: str | Promise
    section: sections.Section
    form: Callable[[Any, Values], Form]
    facts: Callable[[LogicalPartition], list[Fact]] = no_facts
    rows: Callable[[LogicalPartition, Form], list[Any]] = no_rows


TABS = {
    "general": Tab(_("General"), sections.GENERAL, general_form, facts=general_facts),
    "memory": Tab(_("Memory"), sections.MEMORY_SECTION, MemoryForm, facts=memory_facts),
    "processing": Tab(_("Processing"), sections.PROCESSING, processing_form, facts=processing_facts),
    "ethernet": Tab(_("Ethernet"), sections.ETHERNET, ethernet_form, rows=ethernet_rows),
    "storage": Tab(_("Storage"), sections.STORAGE, StorageForm, rows=storage_rows),
    "physical-adapters": Tab(_("Physical Adapters"), sections.ADAPTERS, AdaptersForm, rows=adapter_rows),
}


def properties(request: HttpRequest, lpar_id: int, tab: str = "general") -> HttpResponseBase:
    if tab not in TABS:
        raise Http404
    return change(request, lpar_id, tab) if request.method == "POST" else show(request, lpar_id, tab)


@page_for(Right.VIEW, keeps_typed=True)
@require_http_methods(["GET", "HEAD"])
def show(request: HttpRequest, lpar_id: int, tab: str) -> HttpResponse:
    if is_fragment(request):
        live = live_part(partition_or_refusal(lpar_id), tab, is_closed="closed" in request.GET)
        return render(request, "partitions/properties.html#live", live)
    task = newest_task() if can(request.user, Right.CHANGE) else None  # before the values are read
    return show_form(request, partition_or_refusal(lpar_id), tab, task)


@page_for(Right.CHANGE, keeps_typed=True)
@require_POST
def change(request: HttpRequest, lpar_id: int, tab: str) -> HttpResponse:
    task, partition, section = newest_task(), partition_or_refusal(lpar_id), TABS[tab].section
    now = section.read(partition)
    form = TABS[tab].form(request.POST, now)
    form.read_after(task)
    form.leave_out(section.off_only_of(now) - request.POST.keys())  # they were shown as facts
    done, refused = submit(
        request,
        form,
        lambda asked: services.change(partition, section, asked),
        thing=partition.name,
        records=Records(services.CHANGE, f" ({partition.lpar_id})"),
        done=reverse("partitions"),
    )
    return done or show_form(request, partition, tab, task, form=form, refused=refused)


def show_form(
    request: HttpRequest,
    partition: LogicalPartition,
    name: str,
    task: int | None,
    *,
    form: Form | None = None,
    refused: str = "",
) -> HttpResponse:
    """`task`: the newest one before `partition` was read; None for a user who may change nothing."""
    tab = TABS[name]
    now = tab.section.read(partition)
    present = tab.form(None, now)
    present.read_after(task)
    is_off = partition.state == PartitionState.NOT_ACTIVATED
    locked = frozenset[str]() if is_off else tab.section.off_only_of(now)
    may_change = task is not None and (tab.section.of_management or not partition.is_management)
    typed = typed_before(request) if may_change and form is None else {}
    is_closed = may_change and bool(partition.hold) and form is None and not typed  # what is typed stays in its field
    can_change = may_change and not is_closed
    form = form or present
    instead = [key for key in present.fields if tab.section.is_columns and (key in locked or not can_change)]
    facts = [*tab.facts(partition), *facts_of(present, instead)]
    if form is present:
        form.leave_out(locked)
        form.put_back(typed)
    is_changeable = can_change and bool(form.visible_fields())
    context = {
        "partition": partition,
        "tab": name,
        "tabs": tab_links(partition, name),
        "form": form,
        "facts": facts,
        "rows": tab.rows(partition, form),
        "is_locked": bool(locked) and can_change,
        "is_changeable": is_changeable,
        "keeps_typed": is_changeable,
        "refused": refused,
    }
    live = live_part(partition, name, is_closed=is_closed)
    return render(request, "partitions/properties.html", context | live)


def tab_links(partition: LogicalPartition, current: str) -> list[TabLink]:
    return [
        TabLink(tab.title, reverse("partition-properties", args=[partition.lpar_id, name]), name == current)
        for name, tab in TABS.items()
    ]


def live_part(partition: LogicalPartition, tab: str, *, is_closed: bool) -> dict[str, Any]:
    """What changes by itself; the fields are left alone while somebody types.

    `is_closed`: the page has no fields, because the partition was reserved when it was loaded.
    """
    facts: Facts = runtime_facts()
    present = row(partition, facts, is_chosen=False)
    return {
        "partition": partition,
        "tab": tab,
        "hypervisor_silent": facts is None,
        "live_facts": [
            Fact(_("State"), present.words, present.tone),
            Fact(_("Uptime"), present.uptime),
            Fact(_("Reference Code"), present.reference_code),
            rmc_fact(partition, present.state),
        ],
        "is_closed": is_closed,
        "under_way": migration_of_hold(partition.hold),
        "can_ask": partition.state == PartitionState.RUNNING and not partition.is_management,
    }


OFF = frozenset({PartitionState.NOT_ACTIVATED, PartitionState.MIGRATING_NOT_ACTIVATED})


def rmc_fact(partition: LogicalPartition, state: PartitionState) -> Fact:
    """The recorded one, as long as there may be an operating system that answers."""
    label = _("RMC communication state")
    if state == PartitionState.NOT_AVAILABLE:
        return Fact(label, _("Not known"), "attention")
    recorded = RmcState(partition.rmc_state)
    rmc = RmcState.INACTIVE if state in OFF and recorded is RmcState.ACTIVE else recorded
    return Fact(label, str(rmc.label), RMC_TONES[rmc])


@page_for(Right.CHANGE)
@require_POST
def retrieve_capabilities(request: HttpRequest, lpar_id: int) -> HttpResponse:
    partition = partition_or_refusal(lpar_id)
    who = {"name": partition.name, "lpar_id": partition.lpar_id}
    try:
        answer = services.retrieve_capabilities(partition, request.user, origin_of(request))
    except IvmError as error:
        messages.error(request, words_of(error))
    else:
        if answer is RmcState.ACTIVE:
            messages.success(request, coded("rmc-answers", **who))
        else:
            messages.warning(request, coded("rmc-does-not-answer", **who))
    return redirect("partition-properties", lpar_id, "general")
