"""View/Modify System Properties: one address a tab."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from ivmweb.monitor.services import newest_task
from ivmweb.pages import formats
from ivmweb.pages.access import is_fragment, page_for
from ivmweb.pages.forms.properties import MobilityForm, PropertiesForm, SystemGeneralForm
from ivmweb.pages.properties import Fact, Records, TabLink, facts_of, submit
from ivmweb.pages.typed import typed_before
from ivmweb.system import system_properties as services
from ivmweb.system.inventory import runtime_facts, runtime_system
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, ManagedSystem
from ivmweb.system.rights import Right, can
from ivmweb.system.sections import MOST_PROCESSORS
from migration.admission import in_progress, movers_busy
from migration.models import Migration
from migration.states import Role

ACCELERATORS = {"tcg": _("emulated (TCG)"), "kvm": _("this server's own (KVM)")}


def general_facts(system: ManagedSystem) -> list[Fact]:
    return [
        Fact(_("Serial number"), system.serial_number),
        Fact(_("Machine type and model"), system.type_model),
        Fact(_("Host name of the management partition"), system.host_name),
        Fact(_("Management partition ID"), MANAGEMENT_PARTITION_ID),
        Fact(_("Partitions"), LogicalPartition.objects.count()),
        Fact(_("Maximum number of partitions"), system.max_partitions),
        *hypervisor_facts(),
    ]


def hypervisor_facts() -> list[Fact]:
    """What it says of itself, and whether partitions have real processors."""
    told = runtime_system()
    if told is None:
        return [Fact(_("Hypervisor"), _("Does not answer"), "attention")]
    guests = told.capacity.guests
    kind = ACCELERATORS.get(guests.accelerator, guests.accelerator) if guests else _("simulated")
    return [Fact(_("Hypervisor"), told.capacity.version), Fact(_("Processors of partitions"), kind)]


def memory_facts(system: ManagedSystem) -> list[Fact]:
    return [
        Fact(_("Total system memory"), formats.memory(system.installed_memory_mb)),
        Fact(_("Configurable memory"), formats.memory(system.installed_memory_mb - system.firmware_memory_mb)),
        Fact(_("Memory available"), formats.memory(system.free_memory_mb)),
        Fact(_("Reserved firmware memory"), formats.memory(system.firmware_memory_mb)),
        Fact(_("Memory region size"), formats.memory(system.memory_region_mb)),
    ]


def processing_facts(system: ManagedSystem) -> list[Fact]:
    return [
        Fact(_("Total processing units"), formats.units(system.installed_units)),
        Fact(_("Processing units available"), formats.units(system.free_units)),
        Fact(_("Maximum virtual processors per partition"), MOST_PROCESSORS),
        Fact(_("Processor compatibility modes"), ", ".join(system.compatibility_modes)),
    ]


def mobility_facts(system: ManagedSystem) -> list[Fact]:
    management = LogicalPartition.objects.filter(lpar_id=MANAGEMENT_PARTITION_ID).first()
    answers = runtime_facts() is not None
    device_state, tone = (_("Available"), "good") if answers else (_("Does not answer"), "attention")
    return [
        Fact(_("Mover service partition"), f"{management or system.host_name} ({MANAGEMENT_PARTITION_ID})"),
        Fact(_("Virtual Asynchronous Services Interface: vasi0"), device_state, tone),
        Fact(_("Virtual Management Channel: ibmvmc0"), device_state, tone),
        Fact(_("Active migrations in progress"), in_progress(inactive=False)),
        Fact(_("Inactive migrations in progress"), in_progress(inactive=True)),
        Fact(_("Migrations in the queue"), Migration.objects.filter(queued=True).count()),
        Fact(_("Movers in each direction"), settings.MOVER_SLOTS),
        Fact(_("Movers sending"), movers_busy(Role.SOURCE)),
        Fact(_("Movers receiving"), movers_busy(Role.DESTINATION)),
    ]


@dataclass(frozen=True)
class Tab:
    title: str | Promise
    facts: Callable[[ManagedSystem], list[Fact]]
    names: tuple[str, ...] = ()  # the properties that can be changed
    form: type[PropertiesForm] = PropertiesForm


TABS = {
    "general": Tab(_("General"), general_facts, services.GENERAL, SystemGeneralForm),
    "memory": Tab(_("Memory"), memory_facts),
    "processing": Tab(_("Processing"), processing_facts),
    "mobility": Tab(_("Mobility"), mobility_facts, services.MOBILITY, MobilityForm),
}


def properties(request: HttpRequest, tab: str = "general") -> HttpResponseBase:
    if tab not in TABS:
        raise Http404
    return change(request, tab) if request.method == "POST" else show(request, tab)


@page_for(Right.VIEW, keeps_typed=True)
@require_http_methods(["GET", "HEAD"])
def show(request: HttpRequest, tab: str) -> HttpResponse:
    system = ManagedSystem.objects.get()
    if is_fragment(request):
        return render(request, "system/properties.html#live", live_part(system, tab))
    return show_form(request, system, tab)


@page_for(Right.CHANGE, keeps_typed=True)
@require_POST
def change(request: HttpRequest, tab: str) -> HttpResponse:
    task, system, names = newest_task(), ManagedSystem.objects.get(), TABS[tab].names
    form = TABS[tab].form(request.POST, services.read(system, names))
    form.read_after(task)
    done, refused = submit(
        request,
        form,
        lambda asked: services.change(names, asked),
        thing=system.name,
        records=Records(services.CHANGE, ""),
        done=reverse("partitions"),
    )
    return done or show_form(request, system, tab, form=form, refused=refused)


def show_form(
    request: HttpRequest, system: ManagedSystem, name: str, *, form: PropertiesForm | None = None, refused: str = ""
) -> HttpResponse:
    tab = TABS[name]
    can_change = can(request.user, Right.CHANGE)
    task = newest_task() if can_change else None  # before the values are read
    present = tab.form(None, services.read(ManagedSystem.objects.get(), tab.names))
    present.read_after(task)
    if form is None and can_change:
        present.put_back(typed_before(request))
    context = {
        "tabs": [TabLink(t.title, reverse("system-properties", args=[n]), n == name) for n, t in TABS.items()],
        "form": form or present,
        "facts": [] if can_change else facts_of(present, tab.names),
        "is_changeable": can_change and bool(tab.names),
        "keeps_typed": can_change and bool(tab.names),
        "refused": refused,
    }
    return render(request, "system/properties.html", context | live_part(system, name))


def live_part(system: ManagedSystem, tab: str) -> dict[str, Any]:
    return {"tab": tab, "system": system, "live_facts": TABS[tab].facts(system)}
