import re
import uuid

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.pages import formats
from ivmweb.pages.forms import properties as properties_forms
from ivmweb.system import sections, services
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PhysicalAdapter,
    PhysicalVolume,
    StoragePool,
    VirtualEthernet,
    VirtualMedium,
    VirtualTargetDevice,
)
from ivmweb.system.rights import VIEW_MODIFY
from tests.factories import make_user
from tests.pages.conftest import text_of

TABS = ["general", "memory", "processing", "ethernet", "storage", "physical-adapters"]
MEMORY = {"memory_minimum_mb": "256", "memory_mb": "1536", "memory_maximum_mb": "2048"}


@pytest.fixture
def cast(hypervisor, uli13lp1, uli13lp2, facts):
    return facts


def address(lpar_id, tab):
    return f"/partitions/{lpar_id}/properties/{tab}/"


def seen(page):
    return re.search(r'name="seen" value="(\w+)"', text_of(page)).group(1)


def send(client, lpar_id, tab, follow=True, **values):
    values = {key.replace("__", "-"): value for key, value in values.items()}
    fingerprint = seen(client.get(address(lpar_id, tab)))
    return client.post(address(lpar_id, tab), {"seen": fingerprint, "apply": "1", **values}, follow=follow)


def again(lpar_id):
    return LogicalPartition.objects.get(lpar_id=lpar_id)


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("lpar_id", [1, 2, 3])
def test_each_tab_is_a_page_with_links_to_the_others(as_padmin, cast, tab, lpar_id, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        page = text_of(as_padmin.get(address(lpar_id, tab)))
    for other in TABS:
        assert f'href="{address(lpar_id, other)}"' in page
    assert page.count('aria-current="page"') == 2  # in the navigation and among the tabs


def test_the_name_in_the_list_leads_to_the_properties(as_padmin, cast):
    assert f'<a href="{address(2, "general")}">uli13lp1</a>' in text_of(as_padmin.get("/"))


def test_without_a_tab_it_is_the_first_one(as_padmin, cast):
    assert "Partition workload group" in text_of(as_padmin.get("/partitions/2/properties/"))


def test_a_partition_or_tab_that_does_not_exist_is_said(as_padmin, cast):
    gone = as_padmin.get(address(77, "general"))
    assert (gone.status_code, "[VIOSE01049000-9006]" in text_of(gone)) == (409, True)
    assert as_padmin.get(f"/partitions/{10**30}/properties/general/").status_code in (404, 409)
    assert as_padmin.get(address(2, "optical")).status_code == 404
    assert as_padmin.post(address(2, "optical")).status_code == 404
    assert as_padmin.post(address(77, "general"), {"name": "x"}).status_code == 409


def test_general_says_how_it_is_now(as_padmin, cast):
    page = text_of(as_padmin.get(address(2, "general")))
    for words in ("Running", "13.47 Days", "RMC communication state", "AIX or Linux", "Linux ppc64"):
        assert words in page


@pytest.mark.parametrize(
    ("state", "silent", "words"), [("Not Activated", False, "Inactive"), ("Running", True, "Not known")]
)
def test_rmc_is_not_said_to_be_active_where_nobody_can_answer(as_padmin, cast, facts, state, silent, words):
    LogicalPartition.objects.filter(lpar_id=2).update(rmc_state="active", state=state)
    if silent:
        facts.silence()
    page = text_of(as_padmin.get(address(2, "general")))
    said = page[page.index("RMC communication state") :][:120]
    assert words in said
    assert ">Active<" not in said


def test_only_the_live_part_is_sent_to_htmx(as_padmin, cast):
    page = text_of(as_padmin.get(address(2, "general"), headers={"HX-Request": "true"}))
    assert page.strip().startswith('<section id="live"')
    assert "<form" not in page


def test_memory_of_a_partition_that_is_off_is_changed(as_padmin, cast):
    page = text_of(send(as_padmin, 3, "memory", **MEMORY))
    assert "The operation completed successfully." in page
    assert 'value="1536"' in page
    assert again(3).memory_mb == 1536
    assert MonitorTask.objects.get().name == "Change Partition Properties"


def test_ok_leads_back_to_the_list(as_padmin, cast):
    order = {"seen": seen(as_padmin.get(address(3, "memory"))), **MEMORY}
    assert as_padmin.post(address(3, "memory"), order).headers["Location"] == "/"


def test_the_same_form_sent_twice_changes_once(as_padmin, cast):
    order = {"seen": seen(as_padmin.get(address(3, "memory"))), **MEMORY}
    as_padmin.post(address(3, "memory"), order)
    second = as_padmin.post(address(3, "memory"), order, follow=True)
    assert "[VIOSI01049000-9020]" in text_of(second)
    assert MonitorTask.objects.count() == 1


def test_a_form_that_was_overtaken_keeps_what_was_typed_and_says_what_it_would_change(as_padmin, cast):
    order = {"seen": seen(as_padmin.get(address(3, "memory"))), **MEMORY}
    LogicalPartition.objects.filter(lpar_id=3).update(memory_mb=512)
    answer = as_padmin.post(address(3, "memory"), order)
    page = text_of(answer)
    assert "[VIOSE01049000-9072]" in page
    assert "Assigned memory: 512 MB → 1536 MB" in page
    assert 'value="1536"' in page
    assert LogicalPartition.objects.get(lpar_id=3).memory_mb == 512
    as_padmin.post(address(3, "memory"), order | {"seen": seen(answer)})
    assert LogicalPartition.objects.get(lpar_id=3).memory_mb == 1536


def by_another(client, lpar_id, tab, **values):
    """As another user who opens the page now."""
    make_user("jane", VIEW_MODIFY)
    other = Client()
    other.force_login(User.objects.get(username="jane"))
    return send(other, lpar_id, tab, **values)


def test_a_form_that_was_overtaken_says_by_whom_when_and_of_what(as_padmin, cast):
    send(as_padmin, 3, "memory", **MEMORY | {"memory_mb": "768"})  # before the page was opened
    order = {"seen": seen(as_padmin.get(address(3, "memory"))), **MEMORY}
    by_another(as_padmin, 3, "memory", **MEMORY | {"memory_mb": "512"})
    page = text_of(as_padmin.post(address(3, "memory"), order))
    moment = formats.moment(MonitorTask.objects.first().started_at)
    assert f"jane changed at {moment}: Assigned memory: 768 MB → 512 MB." in page
    assert "padmin changed at" not in page


def test_a_renamed_partition_tells_who_renamed_it_and_not_what_other_tabs_changed(as_padmin, cast):
    order = {"seen": seen(as_padmin.get(address(3, "general"))), "name": "mine", "workload_group": ""}
    by_another(as_padmin, 3, "general", name="hers", workload_group="")
    send(as_padmin, 3, "memory", **MEMORY)
    page = text_of(as_padmin.post(address(3, "general"), order))
    assert "Partition name: uli13lp2 → hers." in page
    assert page.count(" changed at ") == 1


def test_a_change_that_falls_into_the_making_of_the_page_is_told_too(as_padmin, cast, monkeypatch):
    """After the values were read, and before the page is there."""
    fingerprint, due = properties_forms.fingerprint, [True]

    def and_then_jane(now):
        found = fingerprint(now)
        if due and due.pop():
            by_another(as_padmin, 3, "memory", **MEMORY | {"memory_mb": "512"})
        return found

    monkeypatch.setattr(properties_forms, "fingerprint", and_then_jane)
    order = {"seen": seen(as_padmin.get(address(3, "memory"))), **MEMORY}
    assert "jane changed at" in text_of(as_padmin.post(address(3, "memory"), order))


def test_who_only_looks_at_properties_costs_no_look_at_the_tasks(as_viewer, cast):
    with CaptureQueriesContext(connection) as queries:
        as_viewer.get(address(3, "memory"))
    assert not [query for query in queries if "monitor_monitortask" in query["sql"]]


@pytest.mark.parametrize("mark", ["", "_", "_x", "_1" + 30 * "0"])
def test_a_form_that_does_not_say_when_it_was_opened_names_nobody(as_padmin, cast, mark):
    by_another(as_padmin, 3, "memory", **MEMORY | {"memory_mb": "512"})
    page = text_of(as_padmin.post(address(3, "memory"), {"seen": f"0123456789abcdef{mark}", **MEMORY}))
    assert "[VIOSE01049000-9072]" in page
    assert " changed at " not in page


@pytest.mark.parametrize(
    ("typed", "code"), [("1030", "9078"), ("lots", "9053"), ("", "9053"), ("-16", "9075"), ("9" * 20, "9075")]
)
def test_memory_that_can_not_be_is_refused_and_stays_typed(as_padmin, cast, typed, code):
    page = text_of(send(as_padmin, 3, "memory", **MEMORY | {"memory_mb": typed}))
    assert f"VIOSE01049000-{code}" in page
    assert f'value="{typed}"' in page or not typed
    assert again(3).memory_mb == 1024


def test_no_number_is_too_long_to_be_refused_in_words(as_padmin, cast):
    for tab in ("general", "memory", "processing"):
        page = text_of(as_padmin.get(address(3, tab)))
        fields = re.findall(r'<input type="text" name="(\w+)"[^>]*inputmode', page)
        assert fields
        for name in fields:
            answer = send(as_padmin, 3, tab, **{name: "9" * 20})
            assert (name, answer.status_code) == (name, 200)
            assert "[VIOSE" in text_of(answer)


def test_memory_of_a_running_partition_is_shown_only(as_padmin, cast):
    page = text_of(as_padmin.get(address(2, "memory")))
    assert "Assigned memory (MB)" in page
    assert 'name="memory_mb"' not in page
    assert "can be changed while it is Not Activated" in page


def test_a_form_opened_before_the_partition_was_started_is_refused(as_padmin, cast):
    order = {"seen": seen(as_padmin.get(address(3, "memory"))), **MEMORY}
    LogicalPartition.objects.filter(lpar_id=3).update(state="Running")
    assert "[VIOSE01049000-9073]" in text_of(as_padmin.post(address(3, "memory"), order))
    assert again(3).memory_mb == 1024


def test_the_weight_of_a_running_partition_is_a_field(as_padmin, cast):
    page = text_of(as_padmin.get(address(2, "processing")))
    assert 'name="uncapped_weight"' in page
    assert 'name="processing_units"' not in page
    send(as_padmin, 2, "processing", uncapped_weight="200")
    assert again(2).uncapped_weight == 200


def test_processing_of_a_partition_that_is_off_is_changed(as_padmin, cast):
    order = {
        "processor_mode": "shared",
        "processing_units_minimum": "0.1",
        "processing_units": "0.25",
        "processing_units_maximum": "1",
        "virtual_processors_minimum": "1",
        "virtual_processors": "1",
        "virtual_processors_maximum": "2",
        "compatibility_mode": "POWER6",
        "uncapped_weight": "128",
    }
    assert "completed successfully" in text_of(send(as_padmin, 3, "processing", **order))
    assert (str(again(3).processing_units), again(3).compatibility_mode) == ("0.25", "POWER6")
    page = text_of(send(as_padmin, 3, "processing", **order | {"processing_units": "0.255"}))
    assert "VIOSE01049000-9086" in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "x" * 32, "", "uli13lp1"])
def test_a_name_that_can_not_be_is_refused(as_padmin, cast, name):
    page = text_of(send(as_padmin, 3, "general", name=name, workload_group=""))
    assert re.search(r"\[VIOSE01049000-90(77|63)\]", page)
    assert "<script>alert" not in page
    assert again(3).name == "uli13lp2"


def test_a_name_of_31_characters_is_taken(as_padmin, cast):
    send(as_padmin, 3, "general", name="x" * 31, workload_group="5")
    assert (again(3).name, again(3).workload_group) == ("x" * 31, 5)
    send(as_padmin, 3, "general", name="x" * 31, workload_group="")
    assert again(3).workload_group is None


def test_a_name_from_elsewhere_can_not_carry_markup(as_padmin, cast):
    LogicalPartition.objects.filter(lpar_id=3).update(name="<script>x</script>")
    for tab in TABS:
        assert "<script>x" not in text_of(as_padmin.get(address(3, tab)))


def test_a_held_partition_says_so_and_refuses(as_padmin, cast):
    services.hold(again(3).pk, "migration 1")
    assert "Reserved by an operation" in text_of(as_padmin.get(address(3, "general")))
    page = text_of(send(as_padmin, 3, "general", name="other", workload_group=""))
    assert "[VIOSE01049000-9052]" in page
    assert again(3).name == "uli13lp2"


def test_ethernet_shows_and_changes_the_network(as_padmin, cast):
    VirtualEthernet.objects.create(vlan_id=2)
    page = text_of(as_padmin.get(address(2, "ethernet")))
    assert "6A88A2E8C204" in page
    assert "ent0" in page
    page = text_of(send(as_padmin, 2, "ethernet", vlan__4="2"))
    assert "not bridged" in page
    assert again(2).ethernet_adapters.get().vlan_id == 2
    assert "[VIOSE01049000-9084]" in text_of(send(as_padmin, 2, "ethernet", vlan__4="9"))


def test_networks_of_a_real_partition_are_shown_as_facts_while_it_runs(as_padmin, cast, monkeypatch):
    VirtualEthernet.objects.create(vlan_id=2)
    opened = seen(as_padmin.get(address(2, "ethernet")))
    monkeypatch.setattr(sections, "KEEPS_ADAPTERS", frozenset({"scripted"}))
    page = text_of(as_padmin.get(address(2, "ethernet")))
    assert "6A88A2E8C204" in page
    assert "VLAN 1</td>" in page
    assert "<select" not in page.partition("<table")[2].partition("</table>")[0]
    assert "can be changed while it is Not Activated" in page
    assert "[VIOSE01049000-9073]" in text_of(as_padmin.post(address(2, "ethernet"), {"seen": opened, "vlan-4": "2"}))
    assert '<option value="1" selected>' in text_of(as_padmin.get(address(3, "ethernet")))


def test_a_network_that_is_gone_is_still_shown(as_padmin, cast):
    VirtualEthernet.objects.all().delete()
    page = text_of(as_padmin.get(address(2, "ethernet")))
    assert '<option value="1" selected>VLAN 1</option>' in page
    assert "not bridged" in page


def test_storage_shows_and_changes_reserve_policies(as_padmin, cast):
    page = text_of(as_padmin.get(address(2, "storage"))).replace("<wbr>", "")
    for words in ("vtscsi0 (vhost0, C11)", "hdisk2", "0x8100000000000000", data.unique_id(2)):
        assert words in page
    policies = {f"policy-hdisk{number}": "no_reserve" for number in data.ULI13LP1.hdisks}
    send(as_padmin, 2, "storage", **policies | {"policy-hdisk2": "single_path"})
    assert PhysicalVolume.objects.get(name="hdisk2").reserve_policy == "single_path"
    assert "[VIOSE01049000-9076]" in text_of(
        send(as_padmin, 2, "storage", **policies | {"policy-hdisk2": "<b>mine</b>"})
    )


def test_what_is_wrong_with_a_disk_shows_beside_its_name(as_padmin, cast):
    words = {"trouble": "Missing", "is_device": "Block device: between servers the owner word alone guards it"}
    before = text_of(as_padmin.get(address(2, "storage")))
    PhysicalVolume.objects.filter(name="hdisk2").update(trouble="missing", is_device=True)
    page = text_of(as_padmin.get(address(2, "storage")))
    for text in words.values():
        assert (before.count(text), page.count(text)) == (0, 1)


def test_a_virtual_disk_on_a_pool_is_shown_without_a_policy(as_padmin, cast):
    pool = StoragePool.objects.get(name="rootvg")
    disk = LogicalVolume.objects.create(pool=pool, name="lp2vd1", size_mb=1024)
    adapter = again(3).server_adapters.get()
    VirtualTargetDevice.objects.create(name="lp2vtd1", adapter=adapter, lun_number=0x90, logical_volume=disk)
    page = text_of(as_padmin.get(address(3, "storage")))
    assert "lp2vd1" in page
    assert "Logical volume: only on this server, cannot be migrated" in page
    assert "policy-lp2vd1" not in page


def test_an_optical_drive_is_shown_with_its_medium_or_without(as_padmin, cast):
    adapter = again(3).server_adapters.get()
    medium = VirtualMedium.objects.create(name="blank", size_mb=2048)
    for number, loaded in enumerate((medium, None)):
        VirtualTargetDevice.objects.create(
            name=f"vtopt{number}", adapter=adapter, lun_number=0x90 + number, is_optical=True, medium=loaded
        )
    page = text_of(as_padmin.get(address(3, "storage")))
    for words in ("/var/vio/VMLibrary/blank", "vtopt0 (vhost1, C13)", "Optical drive without a medium", "vtopt1"):
        assert words in page
    assert page.count("Medium only on this server: unload it before a migration") == 1, "an empty drive comes with it"


def test_physical_adapters_are_given_and_taken_back(as_padmin, cast):
    spare = data.ULI13.spare_adapter_location
    send(as_padmin, 3, "physical-adapters", **{f"adapter-{spare}": "on"})
    assert PhysicalAdapter.objects.get(location=spare).partition == again(3)
    page = text_of(as_padmin.get(address(2, "physical-adapters")))
    assert f'name="adapter-{spare}"' not in page  # it belongs to another client
    send(as_padmin, 3, "physical-adapters")
    assert PhysicalAdapter.objects.get(location=spare).partition.is_management


def test_more_devices_cost_no_more_queries(as_padmin, cast, django_assert_max_num_queries):
    for number in range(30):
        PhysicalAdapter.objects.create(location=f"U1-P{number}", description="spare", partition=again(1))
    for tab in ("physical-adapters", "storage"):
        with django_assert_max_num_queries(15):
            as_padmin.get(address(2, tab))


def test_retrieve_capabilities_says_what_the_system_answered(as_padmin, cast, hypervisor):
    hypervisor.refuse("prepare_for_migration", "rmc-silent", name="uli13lp1", lpar_id=2, timeout_s=3)
    answer = as_padmin.post("/partitions/2/capabilities/", follow=True)
    assert "[VIOSW01049000-9022]" in text_of(answer)
    assert again(2).rmc_state == "inactive"
    hypervisor.refusals.clear()
    assert "[VIOSI01049000-9021]" in text_of(as_padmin.post("/partitions/2/capabilities/", follow=True))
    assert "[VIOSE01049000-9054]" in text_of(as_padmin.post("/partitions/3/capabilities/", follow=True))
    assert as_padmin.get("/partitions/2/capabilities/").status_code == 405


@pytest.mark.parametrize("tab", TABS)
def test_a_view_only_user_sees_everything_and_changes_nothing(as_viewer, cast, tab):
    page = text_of(as_viewer.get(address(3, tab)))
    for absent in (">OK<", ">Apply<", "Retrieve Capabilities", "<select", 'type="text"'):
        assert absent not in page
    refused = as_viewer.post(address(3, tab), {"name": "x", **MEMORY})
    assert (refused.status_code, "[VIOSE01049000-9050]" in text_of(refused)) == (403, True)
    assert (again(3).name, again(3).memory_mb) == ("uli13lp2", 1024)


def test_a_view_only_user_sees_the_values(as_viewer, cast):
    assert "<dd>1024</dd>" in text_of(as_viewer.get(address(3, "memory")))
    assert "<dd>Shared</dd>" in text_of(as_viewer.get(address(3, "processing")))
    assert as_viewer.post("/partitions/2/capabilities/").status_code == 403


def test_free_disks_are_on_the_page_of_the_management_partition(as_padmin, cast):
    page = text_of(as_padmin.get(address(1, "storage")))
    assert 'name="policy-hdisk3"' in page
    assert 'name="policy-hdisk2"' not in page
    policies = {f"policy-hdisk{number}": "no_reserve" for number in (0, 3, 4)}
    send(as_padmin, 1, "storage", **policies | {"policy-hdisk3": "single_path"})
    assert PhysicalVolume.objects.get(name="hdisk3").reserve_policy == "single_path"


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab != "storage"])
def test_the_management_partition_is_shown_only(as_padmin, cast, tab):
    page = text_of(as_padmin.get(address(1, tab)))
    assert ">Apply<" not in page
    refused = as_padmin.post(address(1, tab), {"name": "x", "uncapped_weight": "1"})
    assert again(1).name == "uli13"
    assert refused.status_code in (200, 302)


def test_nobody_without_a_session_sees_it(client, cast):
    assert "/login/" in client.get(address(2, "general")).headers["Location"]
    assert "/login/" in client.post(address(2, "general"), {"name": "x"}).headers["Location"]


@pytest.mark.parametrize("typed", ["\u0661", "\uff11", "1_0"])
def test_a_number_has_the_digits_that_everybody_reads(as_padmin, cast, typed):
    page = text_of(send(as_padmin, 3, "general", name="uli13lp2", workload_group=typed))
    assert f"[VIOSE01049000-9053] Partition workload group is &quot;{typed}&quot;" in page
    assert again(3).workload_group is None


@pytest.mark.parametrize(
    ("name", "shown"), [("uli\0lp2", r"uli\x00lp2"), ("uli\tlp2", r"uli\x09lp2"), ("", "(empty)"), ("  ", "(empty)")]
)
def test_a_name_that_is_empty_or_has_control_characters_is_refused_and_quoted(as_padmin, cast, name, shown):
    page = text_of(send(as_padmin, 3, "general", name=name))
    assert f"[VIOSE01049000-9077] Partition name is {shown}; it must have" in page
    assert again(3).name == "uli13lp2"


def test_a_box_that_can_not_be_changed_says_why(as_padmin, cast):
    page = text_of(as_padmin.get(address(3, "physical-adapters")))
    assert re.search(r'<input type="checkbox"[^>]* disabled aria-describedby="(\w|-|\.)+_why"', page)
    assert "Stays with the management partition: it carries the disks of the whole system." in page
    send(as_padmin, 3, "physical-adapters", **{f"adapter-{data.ULI13.spare_adapter_location}": "on"})
    page = text_of(as_padmin.get(address(2, "physical-adapters")))
    assert "Belongs to another partition; take it away there first." in page
    page = text_of(as_padmin.get(address(1, "physical-adapters")))
    assert "Belongs to another partition; take it away there first." in page
    assert "Give it to a partition in the properties of that partition." in page


def test_who_sees_only_is_told_why_no_box_can_be_changed(as_viewer, cast):
    assert "your role sees everything and changes nothing" in text_of(as_viewer.get(address(3, "physical-adapters")))


def test_a_reservation_by_a_migration_leads_to_its_status_without_its_id(as_padmin, cast):
    migration = uuid.uuid4()
    LogicalPartition.objects.filter(lpar_id=2).update(hold=f"migration {migration}")
    page = text_of(as_padmin.get(address(2, "general")))
    assert (
        f'Reserved by a migration, so nothing can be changed until it ends: <a href="/migrations/{migration}/">'
        in page
    )
    assert f"migration {migration}" not in page


@pytest.mark.parametrize("tab", TABS)
def test_what_is_reserved_is_shown_and_has_no_field_that_would_be_refused(as_padmin, cast, tab):
    LogicalPartition.objects.filter(lpar_id=3).update(hold=f"migration {uuid.uuid4()}")
    page = text_of(as_padmin.get(address(3, tab))).split("<main")[1]
    assert "nothing can be changed until it ends" in page
    assert ">Apply<" not in page
    assert not re.search(r"<select|<input (?!type=\"hidden\")(?![^>]*disabled)", page)


def test_the_name_of_what_is_reserved_is_a_value(as_padmin, cast):
    LogicalPartition.objects.filter(lpar_id=3).update(hold="migration 1")
    assert re.search(r"Partition name</dt><dd>uli13lp2<", text_of(as_padmin.get(address(3, "general"))))


def test_what_was_typed_before_it_was_reserved_stays_in_its_field(as_padmin, cast):
    form = seen(as_padmin.get(address(3, "general")))
    LogicalPartition.objects.filter(lpar_id=3).update(hold="migration 1")
    page = text_of(as_padmin.post(address(3, "general"), {"seen": form, "name": "half-way", "workload_group": ""}))
    assert "[VIOSE01049000-9052]" in page
    assert 'value="half-way"' in page


def test_once_nothing_reserves_it_any_more_the_open_page_says_so(as_padmin, cast):
    LogicalPartition.objects.filter(lpar_id=3).update(hold="migration 1")
    page = text_of(as_padmin.get(address(3, "general")))
    asks = re.search(r'hx-get="([^"]*)"', page).group(1)
    LogicalPartition.objects.filter(lpar_id=3).update(hold="")
    part = text_of(as_padmin.get(asks, headers={"HX-Request": "true"}))
    assert "so its properties can be changed again" in part
    assert f'<a href="{address(3, "general")}">Open the page again</a>' in part
    assert "changed again" not in text_of(as_padmin.get(address(3, "general")))


def test_what_a_partition_boots_from_is_offered_where_the_hypervisor_has_a_choice(as_padmin, cast):
    assert "Boots from" not in text_of(as_padmin.get(address(3, "general")))
    ManagedSystem.objects.update(boot_devices=["default", "optical"])
    page = text_of(as_padmin.get(address(3, "general")))
    assert "Optical medium, then the first disk" in page
    assert "First disk" not in page
    send(as_padmin, 3, "general", name="uli13lp2", workload_group="", boot_from="optical")
    assert again(3).boot_from == "optical"
    refused = send(as_padmin, 3, "general", name="uli13lp2", workload_group="", boot_from="disk")
    assert "[VIOSE01049000-9076]" in text_of(refused)
    assert again(3).boot_from == "optical"


def test_a_partition_that_runs_shows_what_it_boots_from_as_a_fact(as_padmin, cast):
    ManagedSystem.objects.update(boot_devices=["default", "optical"])
    page = text_of(as_padmin.get(address(2, "general")))
    assert "Boots from" in page
    assert 'name="boot_from"' not in page
