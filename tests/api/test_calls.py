"""Each call as a script meets it: the answer, the refusals, and what it costs the database."""

import uuid

import pytest

from ivmweb.common.errors import PeerError
from ivmweb.hypervisor.base import RunState
from ivmweb.monitor import services as monitor
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import AuditEvent, LogicalPartition, PhysicalAdapter
from migration import destination
from migration.models import Migration, ValidationReport
from migration.states import Fact, State
from tests import factories
from tests.api.conftest import REMOTE, ROOT, refusal
from tests.handover.partner import ScriptedClient


def test_the_server_is_described_with_what_is_free_and_used(script, uli13lp1):
    body = script.get("system").json()
    assert (body["name"], body["host_name"]) == ("Server-7998-61X-SN100390A", "uli13")
    assert (body["installed_memory_mb"], body["firmware_memory_mb"]) == (8192, 320)
    assert body["hypervisor_answers"] is True


def test_a_silent_hypervisor_is_told_and_nothing_is_made_up(script, uli13lp1, hypervisor):
    hypervisor.is_reachable = False
    assert script.get("system").json()["utilized_units"] is None
    (_, client) = script.get("partitions").json()["items"]
    assert (client["state"], client["uptime_s"], client["reference_code"]) == ("Not Available", None, "")


def test_partitions_are_listed_with_what_runs(script, uli13lp1, uli13lp2):
    body = script.get("partitions").json()
    assert (body["total"], body["page"], body["size"]) == (3, 1, 25)
    assert [(item["lpar_id"], item["name"], item["state"]) for item in body["items"]] == [
        (1, "uli13", "Running"),
        (2, "uli13lp1", "Running"),
        (3, "uli13lp2", "Not Activated"),
    ]
    assert body["items"][1]["uptime_s"] > 1_000_000
    assert body["items"][2]["uptime_s"] is None


def test_a_partition_that_a_restored_database_still_has_is_told_where_it_is(script, uli13lp2):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(hold="moved to uli14", state="Running")
    found = script.get("partitions/3").json()
    assert (found["state"], found["uptime_s"], found["utilized_units"]) == ("Moved to uli14", None, None)


def test_a_partition_is_described_with_profile_and_adapters(script, uli13lp1):
    body = script.get("partitions/2").json()
    assert (body["memory_minimum_mb"], body["memory_mb"], body["processing_units"]) == (256, 1024, 0.1)
    (adapter,) = body["server_adapters"]
    assert (adapter["name"], len(adapter["disks"])) == ("vhost0", 5)
    assert adapter["disks"][0]["backing_device"] == "hdisk2"
    assert body["ethernet_adapters"][0]["vlan_id"] == 1
    assert body["migration"] is None


def test_reference_codes_come_newest_first(script, uli13lp1, hypervisor):
    hypervisor.enter(2, RunState.RUNNING, "AA00E1A9")
    take_inventory()
    codes = [item["code"] for item in script.get("partitions/2/reference-codes").json()["items"]]
    assert codes[0] == "AA00E1A9"
    assert script.get("partitions/2/reference-codes?size=1").json()["total"] == len(codes)


@pytest.mark.parametrize(
    "path",
    [
        "partitions/77",
        "partitions/77/reference-codes",
        "tasks/77",
        f"migrations/{uuid.UUID(int=7)}",
        f"reports/{uuid.UUID(int=7)}",
    ],
)
def test_what_is_not_there_is_named_with_a_code(script, path):
    assert refusal(script.get(path))[0] == 404


@pytest.mark.parametrize(
    "path", ["partitions/77/activate", "partitions/77/migrate", f"migrations/{uuid.UUID(int=7)}/stop"]
)
def test_what_is_not_there_is_not_changed(script, path):
    assert refusal(script.post(path, REMOTE))[0] == 404


def test_activate_answers_with_its_task_and_where_to_look_on(script, uli13lp2):
    answer = script.post("partitions/3/activate")
    assert answer.status_code == 202
    task = script.get(answer.headers["Location"].removeprefix(ROOT)).json()
    assert (task["name"], task["target"], task["user"]) == ("Activate Partition", "uli13lp2 (3)", "padmin")
    assert AuditEvent.objects.get(action="activate").outcome == "accepted"


def test_shutdown_passes_on_type_and_restart(script, uli13lp1, hypervisor):
    answer = script.post("partitions/2/shutdown", {"type": "immediate", "restart": True})
    assert (answer.status_code, answer.json()["name"]) == (202, "Restart Partition")
    assert ("shut_down immediate restart", 2) in hypervisor.calls


@pytest.mark.parametrize("body", [{}, {"type": "explode"}, {"type": "immediate", "forced": True}, [], b"{", b"\xff"])
def test_a_body_that_does_not_fit_changes_nothing(script, uli13lp1, hypervisor, body):
    answer = script.post("partitions/2/shutdown", body)
    assert answer.status_code == (400 if isinstance(body, bytes) else 422)
    assert refusal(answer)[1] in {"api-not-json", "api-request-invalid"}
    assert not any(command.startswith("shut_down") for command, _ in hypervisor.calls)


def test_the_management_partition_is_not_shut_down(script):
    assert refusal(script.post("partitions/1/shutdown", {"type": "immediate"})) == (409, "management-partition")


def test_validate_answers_with_every_check(script, uli13lp1, partner):
    answer = script.post("partitions/2/validate", REMOTE)
    assert answer.status_code == 201
    report = answer.json()
    assert report["passed"] is True
    assert {finding["side"] for finding in report["findings"]} == {"source"}
    assert script.get(answer.headers["Location"].removeprefix(ROOT)).json() == report
    assert partner.tokens == [("padmin", "very secret")]
    assert not Migration.objects.exists()


def test_migrate_after_validate_needs_no_password(script, uli13lp1, partner):
    script.post("partitions/2/validate", REMOTE)
    answer = script.post("partitions/2/migrate", REMOTE | {"password": ""})
    assert answer.status_code == 202
    assert len(partner.tokens) == 1
    migration = script.get(answer.headers["Location"].removeprefix(ROOT)).json()
    assert (migration["state"], migration["can_stop"], migration["is_open"]) == ("transferring", True, True)
    assert migration["reports"] == [str(ValidationReport.objects.get(migration__isnull=False).pk)]
    assert migration["journal"][0]["message"] == "started by padmin"


def test_another_token_of_the_same_user_has_to_send_the_password(script, nobody, uli13lp1, partner):
    script.post("partitions/2/validate", REMOTE)
    answer = nobody.logged_in("padmin").post("partitions/2/migrate", REMOTE | {"password": ""})
    assert refusal(answer) == (409, "remote-password-missing")


def test_what_a_token_remembers_is_not_readable(script, uli13lp1, partner):
    from ivmweb.api.models import ApiToken

    script.post("partitions/2/validate", REMOTE)
    kept = str(ApiToken.objects.get().kept)
    assert "mobility_token" in kept
    assert "very secret" not in kept
    assert "x" * 43 not in kept


def test_failed_checks_refuse_migrate_with_the_report(script, blocked, partner):
    answer = script.post("partitions/4/migrate", REMOTE)
    assert refusal(answer) == (409, "api-checks-failed")
    failed = [finding for finding in answer.json()["report"]["findings"] if finding["outcome"] == "failed"]
    assert "VIOSE01049000-9112" in {finding["code"] for finding in failed}
    assert all(finding["message"] for finding in failed)
    assert not Migration.objects.exists()


def test_a_check_is_made_again_and_kept_beside_the_first(script, uli13lp1, partner):
    report = script.post("partitions/2/validate", REMOTE).json()["id"]
    LogicalPartition.objects.filter(lpar_id=2).update(rmc_state="inactive")
    found = script.post(f"reports/{report}/check-again", AGAIN).json()
    assert (found["check"], found["outcome"], found["again_by"]) == (AGAIN["check"], "failed", "padmin")
    kept = script.get(f"reports/{report}").json()["findings"]
    outcomes = [(f["outcome"], f["again_at"] is None) for f in kept if f["check"] == AGAIN["check"]]
    assert sorted(outcomes) == [("failed", False), ("passed", True)]


def test_a_check_that_the_report_has_not_is_refused(script, uli13lp1, partner):
    report = script.post("partitions/2/validate", REMOTE).json()["id"]
    answer = script.post(f"reports/{report}/check-again", AGAIN | {"check": "nothing"})
    assert refusal(answer) == (409, "check-again-unknown")


def test_a_remote_console_that_does_not_answer_is_told_as_such(script, uli13lp1, partner):
    partner.is_silent = True
    assert refusal(script.post("partitions/2/validate", REMOTE)) == (503, "peer-timeout")


def test_a_wrong_remote_password_is_no_matter_of_the_token(script, uli13lp1, partner, monkeypatch):
    def refuse(self, user, password):
        raise PeerError("peer-wrong-password", permanent=True, user=user, remote="uli14")

    monkeypatch.setattr(ScriptedClient, "token", refuse)
    assert refusal(script.post("partitions/2/validate", REMOTE)) == (409, "peer-wrong-password")


@pytest.fixture
def migrating(script, uli13lp1, partner):
    return script.post("partitions/2/migrate", REMOTE).json()["id"]


def test_stop_is_asked_for_and_answered_with_where_to_look(script, migrating):
    answer = script.post(f"migrations/{migrating}/stop")
    assert (answer.status_code, answer.headers["Location"]) == (202, f"{ROOT}migrations/{migrating}")
    assert answer.json()["stop_requested"] is True
    assert answer.json()["can_stop"] is False


def test_recover_says_what_it_came_to(script, migrating):
    body = script.post(f"migrations/{migrating}/recover").json()
    assert body["outcome"] == "The migration waits for a free mover; it has been asked again."
    assert body["migration"]["id"] == migrating


def test_both_sides_are_told_with_both_journals(script, migrating, partner):
    body = script.get(f"migrations/{migrating}/both-sides").json()
    assert body["here"] == {"console": "uli13", "role": "source", "state": "transferring", "fact": "run"}
    assert body["there"] is None
    assert body["code"]
    assert body["message"]
    assert body["alarms"] == []
    assert {line["console"] for line in body["journal"]} == {"uli13"}


AGAIN = {"check": "partition_answers_over_rmc", "side": "source"}
FORCE = {"act": "give up", "partition_name": "uli13lp1", "claims": 1}


def test_what_is_forced_is_done_in_the_silence_of_the_other_console(script, migrating, partner):
    Migration.objects.update(state="surrendered", wants="")
    partner.is_silent = True
    body = script.post(f"migrations/{migrating}/force", FORCE).json()
    assert body["outcome"]
    assert body["migration"]["state"] == "completing"
    assert AuditEvent.objects.filter(action="Recover: give up").exists()


def test_a_side_yields_where_the_other_console_has_the_partition_too(script, migrating, partner):
    Migration.objects.update(state="forced back", forced=True, wants="")
    partner.state, partner.fact, partner.is_silent = State.STARTED, Fact.RUN, True
    order = FORCE | {"act": "yield"}
    assert refusal(script.post(f"migrations/{migrating}/force", order)) == (409, "force-partner-silent")
    partner.is_silent = False
    body = script.post(f"migrations/{migrating}/force", order).json()
    assert body["migration"]["state"] == "completing"


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"partition_name": "uli13lp2"}, "force-name-differs"),
        ({"claims": 0}, "force-not-claimed"),
        ({"act": "restart from disk"}, "force-wrong-fact"),
        ({}, "force-wrong-state"),
    ],
)
def test_what_can_not_be_forced_is_refused_as_on_the_page(script, migrating, partner, changed, refused):
    partner.is_silent = True
    assert refusal(script.post(f"migrations/{migrating}/force", FORCE | changed)) == (409, refused)
    assert Migration.objects.get().state == "transferring"


def test_a_migration_that_was_never_prepared_here_is_in_no_list(script, migrating):
    remote = Migration.objects.get(pk=migrating).remote
    note = destination.write_tombstone(uuid.uuid4(), remote, "its database")
    assert script.get(f"migrations/{note.pk}").json()["headline"] == "Never prepared here"
    totals = [script.get(f"migrations?state={state}").json()["total"] for state in ("ended", "open")]
    assert totals == [0, 1]
    assert script.get("migrations").json()["total"] == 1


def test_migrations_are_filtered_by_whether_they_are_open(script, migrating):
    assert [item["id"] for item in script.get("migrations?state=open").json()["items"]] == [migrating]
    assert script.get("migrations?state=ended").json()["total"] == 0
    Migration.objects.update(state="closed, kept")
    assert script.get("migrations?state=ended").json()["total"] == 1


def test_tasks_are_filtered_by_status(script, migrating):
    (task,) = script.get("tasks?status=running").json()["items"]
    assert task["migration"] == migrating
    assert script.get("tasks?status=failed").json()["total"] == 0
    assert script.get(f"tasks/{task['id']}").json()["lines"][0]["message"] == "started by padmin"


def test_remote_systems_are_listed(script, uli14):
    (remote,) = script.get("remote-systems").json()["items"]
    assert (remote["name"], remote["address"]) == ("uli14", "127.0.0.1:1")


GETS = [
    "system",
    "partitions",
    "partitions/2",
    "partitions/2/reference-codes",
    "migrations",
    "tasks",
    "remote-systems",
]


@pytest.mark.parametrize("path", GETS)
def test_a_view_only_user_sees_everything(view_only, uli13lp1, path):
    assert view_only.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "partitions/2/activate",
        "partitions/2/shutdown",
        "partitions/2/validate",
        "partitions/2/migrate",
        "migrations/{}/stop",
        "migrations/{}/recover",
        "migrations/{}/force",
        "reports/{}/check-again",
    ],
)
def test_a_view_only_user_changes_nothing(view_only, migrating, hypervisor, path):
    before = LogicalPartition.objects.get(lpar_id=2).state, Migration.objects.get().stop_requested
    body = {"shutdown": {"type": "immediate"}, "force": FORCE, "check-again": AGAIN}.get(
        path.rpartition("/")[2], REMOTE
    )
    assert refusal(view_only.post(path.format(migrating), body)) == (403, "no-right")
    assert (LogicalPartition.objects.get(lpar_id=2).state, Migration.objects.get().stop_requested) == before


@pytest.mark.parametrize(
    "path", ["partitions?size=101", "tasks?page=0", "tasks?status=odd", "migrations?stat=open", "system?x="]
)
def test_a_parameter_that_does_not_fit_is_refused(script, path):
    assert refusal(script.get(path)) == (422, "api-request-invalid")


def test_another_method_is_refused_in_the_words_of_the_api(script):
    answer = script.call("PUT", "partitions")
    assert refusal(answer) == (405, "api-method")
    assert answer.headers["Allow"] == "GET"


def test_another_kind_of_content_is_refused(script, uli13lp1):
    answer = script.post("partitions/2/shutdown", b"type=immediate", content_type="application/x-www-form-urlencoded")
    assert refusal(answer) == (415, "api-media-type")


def test_a_body_that_is_too_long_is_not_read(script, uli13lp1):
    assert refusal(script.post("partitions/2/shutdown", b" " * (1024 * 1024 + 1))) == (413, "api-request-too-large")


def test_a_post_without_a_body_needs_no_length(script, uli13lp2):
    """As `curl -X POST` sends it."""
    headers = {"Authorization": f"Bearer {script.token}"}
    answer = script.client.generic("POST", f"{ROOT}partitions/3/activate", b"", CONTENT_LENGTH="", headers=headers)
    assert answer.status_code == 202


def test_a_fault_of_the_console_is_told_without_its_details(script, monkeypatch, caplog):
    script.client.raise_request_exception = False
    monkeypatch.setattr("ivmweb.api.bodies.system_body", lambda *_: 1 / 0)
    answer = script.get("system")
    assert refusal(answer) == (500, "internal-error")
    assert "division" not in answer.content.decode()
    assert "ZeroDivisionError" in caplog.text


def test_the_api_speaks_english_whatever_the_browser_wants(script):
    answer = script.get("tasks/77", **{"Accept-Language": "zh-hans"})
    assert answer.json()["message"].startswith("There is no task 77")


@pytest.mark.parametrize("path", ["partitions", "tasks", "migrations"])
def test_a_longer_list_needs_no_more_queries(
    script, path, migrating, uli14, django_assert_num_queries, django_assert_max_num_queries
):
    with django_assert_max_num_queries(6) as few:
        script.get(path)
    for number in range(5):
        row = Migration.objects.get(pk=migrating)
        row.pk, row.partition_uuid = uuid.uuid4(), uuid.uuid4()
        row.task = monitor.start_task("Migrate Partition", f"x ({number})", "padmin")
        row.save(force_insert=True)
        factories.services.reserve_shell(factories.small_plan(f"small{number}", 10 + number), "", "Not Activated")
    with django_assert_num_queries(len(few.captured_queries)):
        script.get(path)


def test_a_partition_needs_no_query_for_each_disk(script, uli13lp1, django_assert_max_num_queries):
    PhysicalAdapter.objects.update(partition=uli13lp1)
    with django_assert_max_num_queries(10):
        script.get("partitions/2")


# Properties


def test_only_what_is_sent_changes(script, uli13lp2):
    body = script.call("PATCH", "partitions/3/processing", {"processing_units": 0.2, "uncapped_weight": 64}).json()
    assert (body["processing_units"], body["uncapped_weight"], body["virtual_processors"]) == (0.2, 64, 1)
    body = script.call("PATCH", "partitions/3/memory", {"memory_maximum_mb": 4096}).json()
    assert (body["memory_minimum_mb"], body["memory_mb"], body["memory_maximum_mb"]) == (256, 1024, 4096)
    assert script.call("PATCH", "partitions/3/general", {"workload_group": 7}).json()["workload_group"] == 7
    assert script.call("PATCH", "partitions/3/general", {"workload_group": None}).json()["workload_group"] is None


def test_the_servers_settings_change_all_or_none(script, uli13):
    good = {"system_name": "Server-of-the-lab", "allowed_suspension_ms": 250, "slow_partition": True}
    body = script.call("PATCH", "system", good).json()
    assert (body["name"], body["allowed_suspension_ms"]) == ("Server-of-the-lab", 250)
    assert body["slow_partition"] is True
    bad = {"allowed_suspension_ms": 300, "system_name": "a name with blanks"}
    assert refusal(script.call("PATCH", "system", bad)) == (409, "name-not-usable")
    assert script.get("system").json()["allowed_suspension_ms"] == 250


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("memory", {"memory_mb": 2048}, "properties-need-off"),
        ("memory", {"memory_mb": "many"}, "api-request-invalid"),
        ("memory", {"memory_mb": None}, "api-request-invalid"),
        ("processing", {"processing_units": True}, "api-request-invalid"),
        ("memory", {"memory": 2048}, "api-request-invalid"),
        ("networks", {"ethernet_adapters": [{"slot": 4, "vlan_id": 9}]}, "vlan-unknown"),
        ("networks", {"ethernet_adapters": [{"slot": 5, "vlan_id": 1}]}, "device-unknown"),
        ("disks", {"disks": [{"backing_device": "hdisk2", "reserve_policy": "persistent"}]}, "api-request-invalid"),
        (
            "adapters",
            {"physical_adapters": [{"location": "U78A5.001.WIH0402-P1-C6", "assigned": True}]},
            "adapter-essential",
        ),
    ],
)
def test_what_the_pages_refuse_is_refused_here(script, uli13lp1, path, body, key):
    assert refusal(script.call("PATCH", f"partitions/2/{path}", body))[1] == key


def test_a_view_only_user_changes_no_property(view_only, uli13lp2):
    assert refusal(view_only.call("PATCH", "partitions/3/general", {"workload_group": 7})) == (403, "no-right")
    assert refusal(view_only.call("PATCH", "system", {"suspend_anyway": True})) == (403, "no-right")


def test_processing_units_finer_than_the_records_hold_are_refused(script, uli13lp2):
    answer = script.call("PATCH", "partitions/3/processing", {"processing_units": 0.124})
    assert refusal(answer) == (409, "units-too-fine")
    assert script.call("PATCH", "partitions/3/processing", {"processing_units": 0.12}).status_code == 200
    assert script.call("PATCH", "partitions/3/processing", {"processing_units": 0.2}).status_code == 200
