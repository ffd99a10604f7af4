import html
import re

import pytest

from ivmweb.hypervisor.base import GuestKind
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.models import ManagedSystem
from tests.pages.conftest import text_of

TABS = ["general", "memory", "processing", "mobility"]
MOBILITY = {
    "active_mobility_capable": "on",
    "inactive_mobility_capable": "off",
    "active_migrations_supported": "2",
    "inactive_migrations_supported": "40",
    "migration_bandwidth_bytes_per_s": "100",
    "allowed_suspension_ms": "250",
    "slow_partition": "on",
    "suspend_anyway": "on",
}


@pytest.fixture
def cast(uli13lp1, facts):
    return facts


def send(client, tab, **values):
    page = text_of(client.get(f"/system/{tab}/"))
    seen = re.search(r'name="seen" value="(\w+)"', page).group(1)
    return client.post(f"/system/{tab}/", {"seen": seen, "apply": "1", **values}, follow=True)


def system():
    return ManagedSystem.objects.get()


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_is_a_page(as_padmin, cast, tab, django_assert_max_num_queries):
    with django_assert_max_num_queries(18):
        page = text_of(as_padmin.get(f"/system/{tab}/"))
    for other in TABS:
        assert f'href="/system/{other}/"' in page


def test_the_navigation_leads_to_it(as_padmin, cast):
    assert '<a href="/system/">View/Modify System Properties</a>' in text_of(as_padmin.get("/"))
    assert '<a href="/system/" aria-current="page">' in text_of(as_padmin.get("/system/mobility/"))


def test_a_tab_that_does_not_exist(as_padmin, cast):
    assert as_padmin.get("/system/nonsense/").status_code == 404
    assert as_padmin.post("/system/nonsense/").status_code == 404


def test_the_values_of_the_server_are_shown(as_padmin, cast):
    for tab, values in {
        "general": ("100390A", "7998-61X", "uli13"),
        "memory": ("8 GB", "7.69 GB", "320 MB", "16 MB"),
        "processing": ("3.5", "default, POWER6"),
        "mobility": ("uli13 (1)", "vasi0", "ibmvmc0", "Available"),
    }.items():
        page = text_of(as_padmin.get(f"/system/{tab}/"))
        for value in values:
            assert value in page, (tab, value)


def test_mobility_counts_what_is_in_progress(as_padmin, cast, make_migration):
    make_migration()
    page = text_of(as_padmin.get("/system/mobility/", headers={"HX-Request": "true"}))
    assert re.search(r"Active migrations in progress</dt><dd>1<", page)
    assert re.search(r"Movers sending</dt><dd>1<", page)


def test_a_silent_hypervisor_is_not_called_available(as_padmin, cast):
    cast.silence()
    page = text_of(as_padmin.get("/system/mobility/"))
    assert "Does not answer" in page
    assert ">Available<" not in page


def test_it_says_which_hypervisor_there_is_and_whether_processors_are_emulated(as_padmin, cast, hypervisor):
    for accelerator, words in {"tcg": "emulated (TCG)", "kvm": "this server's own (KVM)"}.items():
        hypervisor.guests = GuestKind("pseries-10.0", "power9", accelerator, "spapr-vscsi")
        page = html.unescape(text_of(as_padmin.get("/system/")))
        assert "<dt>Hypervisor</dt><dd>scripted 1<" in page
        assert f"<dt>Processors of partitions</dt><dd>{words}<" in page
    hypervisor.guests = None
    assert "<dt>Processors of partitions</dt><dd>simulated<" in text_of(as_padmin.get("/system/"))
    hypervisor.is_reachable = False
    assert re.search(r"<dt>Hypervisor</dt><dd[^>]*>.*Does not answer", text_of(as_padmin.get("/system/")))


def test_mobility_is_changed(as_padmin, cast):
    page = text_of(send(as_padmin, "mobility", **MOBILITY))
    assert "The operation completed successfully." in page
    now = system()
    assert (now.active_mobility_capable, now.inactive_mobility_capable, now.suspend_anyway) == (True, False, True)
    assert (now.active_migrations_supported, now.allowed_suspension_ms) == (2, 250)
    assert now.migration_bandwidth_bytes_per_s == 100 * 2**20
    assert MonitorTask.objects.get().name == "Change System Properties"


def test_a_mobility_form_that_was_overtaken_keeps_what_was_typed(as_padmin, cast):
    before = re.search(r'name="seen" value="(\w+)"', text_of(as_padmin.get("/system/mobility/"))).group(1)
    ManagedSystem.objects.update(allowed_suspension_ms=300)
    page = text_of(as_padmin.post("/system/mobility/", {"seen": before, **MOBILITY}))
    assert "[VIOSE01049000-9072]" in page
    assert "Allowed suspension: 300 ms → 250 ms" in page
    assert 'name="allowed_suspension_ms" value="250"' in page
    assert system().allowed_suspension_ms == 300
    now = re.search(r'name="seen" value="(\w+)"', page).group(1)
    as_padmin.post("/system/mobility/", {"seen": now, **MOBILITY})
    assert system().allowed_suspension_ms == 250


def test_a_mobility_form_that_was_overtaken_says_by_whom(as_padmin, cast):
    before = re.search(r'name="seen" value="(\w+)"', text_of(as_padmin.get("/system/mobility/"))).group(1)
    send(as_padmin, "mobility", **MOBILITY | {"allowed_suspension_ms": "400"})
    page = text_of(as_padmin.post("/system/mobility/", {"seen": before, **MOBILITY}))
    assert re.search(r"padmin changed at \d{4}-[-\d: ]+ UTC: [^.]*Allowed suspension: \d+ ms → 400 ms", page)


def test_a_bandwidth_that_was_left_as_shown_keeps_its_exact_value(as_padmin, cast):
    exact = system().migration_bandwidth_bytes_per_s
    assert exact == 75 * 2**20
    send(as_padmin, "mobility", **MOBILITY | {"migration_bandwidth_bytes_per_s": "75"})
    assert system().migration_bandwidth_bytes_per_s == exact
    assert system().suspend_anyway
    assert system().slow_partition


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("active_migrations_supported", "9", "9075"),
        ("allowed_suspension_ms", "5", "9075"),
        ("allowed_suspension_ms", "9" * 20, "9075"),
        ("active_migrations_supported", "9" * 20, "9075"),
        ("migration_bandwidth_bytes_per_s", "9" * 20, "9099"),
        ("migration_bandwidth_bytes_per_s", "9" * 40, "9086"),
        ("migration_bandwidth_bytes_per_s", "0.01", "9099"),
        ("migration_bandwidth_bytes_per_s", "-1", "9099"),
        ("migration_bandwidth_bytes_per_s", "fast", "9086"),
        ("slow_partition", "perhaps", "9076"),
        ("suspend_anyway", "perhaps", "9076"),
        ("inactive_migrations_supported", "1.5", "9053"),
        ("allowed_suspension_ms", "1e2", "9053"),
    ],
)
def test_values_that_can_not_be_are_refused(as_padmin, cast, name, value, code):
    page = text_of(send(as_padmin, "mobility", **MOBILITY | {name: value}))
    assert f"[VIOSE01049000-{code}]" in page
    assert system().allowed_suspension_ms == 100


def test_the_system_is_renamed(as_padmin, cast):
    send(as_padmin, "general", system_name="blade-13", attention_led="on")
    assert (system().name, system().attention_led) == ("blade-13", True)
    page = text_of(send(as_padmin, "general", system_name="<script>alert(1)</script>", attention_led="on"))
    assert "[VIOSE01049000-9077]" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize("tab", ["memory", "processing"])
def test_a_tab_without_fields_takes_none(as_padmin, cast, tab):
    as_padmin.post(f"/system/{tab}/", {"free_memory_mb": "1", "installed_units": "99"})
    assert system().free_memory_mb != 1
    assert not MonitorTask.objects.exists()


@pytest.mark.parametrize("tab", TABS)
def test_a_view_only_user_sees_everything_and_changes_nothing(as_viewer, cast, tab):
    page = text_of(as_viewer.get(f"/system/{tab}/"))
    for absent in (">OK<", ">Apply<", "<select", 'type="text"'):
        assert absent not in page
    assert as_viewer.post(f"/system/{tab}/", MOBILITY).status_code == 403
    assert system().active_migrations_supported == 4


def test_a_view_only_user_sees_the_settings(as_viewer, cast):
    page = text_of(as_viewer.get("/system/mobility/"))
    for value in ("<dd>75</dd>", "<dd>Roll back</dd>", "<dd>100</dd>"):
        assert value in page
