"""docker-compose.yml read as data; ./ivm lint checks it against the Compose schema."""

import re

import pytest
import yaml
from django.conf import settings

from tools.console import WORKERS
from tools.paths import ROOT

FILE = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(FILE)
SERVICES = COMPOSE["services"]
OURS = {"hypervisor", "migrate", "web", "sshd", "control", "mover-out", "mover-in", "beat"}
STAY = set(SERVICES) - {"migrate"}
SECRET = re.compile(r"KEY|PASSWORD|TOKEN|SECRET")


def words(service):
    command = SERVICES[service].get("command", [])
    return command if isinstance(command, list) else command.split()


def test_a_console_is_these_services():
    assert set(SERVICES) == OURS | {"database", "redis"}


@pytest.mark.parametrize("service", sorted(STAY))
def test_a_service_that_stays_is_watched_and_started_again(service):
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert SERVICES[service]["healthcheck"]["test"]
    assert SERVICES[service]["stop_grace_period"]


def test_no_secret_has_a_default_or_a_value_in_the_file():
    used = re.findall(r"\$\{(\w+)([^}]*)\}", FILE)
    secrets = {(name, rest[:2]) for name, rest in used if SECRET.search(name)}
    assert {name for name, _ in secrets} == {"IVM_SECRET_KEY", "IVM_DATABASE_PASSWORD"}
    assert {rest for _, rest in secrets} == {":?"}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not SECRET.search(name) or value.startswith("${"), name


def test_no_command_line_shows_a_secret():
    for service in SERVICES:
        health = SERVICES[service].get("healthcheck", {}).get("test", [])
        assert not SECRET.search(" ".join([*words(service), *health])), service


def test_every_queue_has_its_own_worker():
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} | {settings.CELERY_TASK_DEFAULT_QUEUE}
    served = {words(service)[words(service).index("-Q") + 1]: service for service in OURS if "-Q" in words(service)}
    assert set(served) == routed == set(WORKERS.values())
    assert len(set(served.values())) == len(routed)


def test_only_the_web_the_mover_and_the_command_line_can_be_reached_from_outside():
    published = {name for name, service in SERVICES.items() if service.get("ports")}
    assert published == {"web", "mover-in", "sshd"}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("database", "redis", "hypervisor", "beat"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_the_mover_publishes_the_ports_that_it_is_told_to_use():
    mover = SERVICES["mover-in"]
    ports = mover["environment"]["IVM_MOVER_PORTS"]
    assert mover["ports"] == [f"{ports}:{ports}"]


def test_redis_keeps_what_was_queued_and_the_records_wait_for_the_schema():
    assert words("redis")[1:3] == ["--appendonly", "yes"]
    for service in OURS - {"hypervisor", "migrate"}:
        assert SERVICES[service]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_every_process_of_ours_runs_without_rights():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile.rindex("USER ivm") > dockerfile.rindex("RUN ")
    assert "--mount" not in dockerfile
    for service in OURS:
        assert SERVICES[service]["cap_drop"] == ["ALL"]
        assert SERVICES[service]["read_only"] is True
        assert "user" not in SERVICES[service]


def test_the_console_knows_every_setting_it_is_given():
    known = set(re.findall(r'"(IVM_\w+)"', (ROOT / "ivmweb" / "settings.py").read_text())) | {"IVM_READY_FILE"}
    assert set(SERVICES["web"]["environment"]) <= known


def test_nothing_but_the_program_goes_into_the_image():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == {"ivmweb", "migration", "templates", "static", "locale", "manage.py", "requirements/runtime.lock"}
