"""Each scenario is noticed by just the checks it names: both consoles' records, one after the other."""

import json
import time
from dataclasses import replace

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.utils import timezone

import ivmweb.hypervisor
from ivmweb.common.certificates import make_certificate
from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import OwnerWord
from ivmweb.hypervisor.lun import read_word
from ivmweb.hypervisor.vmc import owners
from ivmweb.lab import changed_settings, clock, data, records
from ivmweb.lab.options import LabOptions
from ivmweb.lab.scenarios import BY_HAND, SCENARIOS, Where, run, undo
from ivmweb.system import services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import LogicalPartition, LogicalVolume, PartitionState
from migration import validation
from migration.models import MobilityToken, RemoteSystem
from migration.peer import local
from migration.peer.configuration import configuration_of
from migration.peer.messages import ValidateRequest
from migration.validation import DESTINATION_CHECKS, SOURCE_CHECKS, destination_findings
from migration.validation.facts import SourceFacts
from migration.validation.found import examine
from migration.validation.link import MoverLink, try_mover
from tests.migration.conftest import hello_of, remote_system
from tests.scripted_hypervisor import ScriptedHypervisor

# hot-workload takes a number, and no check looks; slow-start is about what is activated later; mover-unreachable is
# seen from the other side; own-address is about a migration to where the partition is.
TESTED_APART = {"lun-foreign", "disk-name-taken", "hot-workload", "slow-start", "mover-unreachable", "own-address"}
TRUE_TIME, TRUE_NOW = time.time, timezone.now
QUIET = ("not applicable", "passed")
ANSWERS = MoverLink("uli14:30100", answers=True)
SIDES = {check.name: Where.SOURCE for check in SOURCE_CHECKS} | {
    check.name: Where.DESTINATION for check in DESTINATION_CHECKS
}


def scenarios_but(where):
    return sorted({name for name, made in SCENARIOS.items() if made.where is not where} - TESTED_APART)


class LabHypervisor(ScriptedHypervisor):
    """With the LUNs as they are, and the switches that a scenario sets."""

    def __init__(self, system, faults):
        super().__init__(system)
        self.faults = faults

    def switch(self, name):
        return json.loads(self.faults.read_text()).get(name) if self.faults.exists() else None

    def describe_system(self):
        told = super().describe_system()
        version = self.switch("version") or told.capacity.version
        return replace(told, capacity=replace(told.capacity, version=version))

    def _answer(self, command):
        if self.switch("silent"):
            raise HypervisorError("hypervisor-unreachable", host="uli13", socket="of the lab", reason="closed")
        super()._answer(command)

    def look_at_luns(self, luns):
        return tuple(owners.look(lun) for lun in luns)

    def prepare_for_migration(self, lpar_id, timeout_s):
        if self.switch("not_ready_for_migration"):
            raise HypervisorError("rmc-refused", name="uli13lp1", lpar_id=lpar_id, reason="it is not ready")


@pytest.fixture(scope="module")
def san(tmp_path_factory):
    options = LabOptions(lab_dir=tmp_path_factory.mktemp("lab"), san_dir=tmp_path_factory.mktemp("san"))
    records.make_luns(options)
    return options


@pytest.fixture
def consoles(db, san, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("IVM_LAB_SAN_DIR", str(san.san_dir))
    settings.HYPERVISOR = "scripted"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return Consoles(san, settings, monkeypatch, tmp_path)


class Consoles:
    def __init__(self, options, settings, monkeypatch, folder):
        self.options, self.settings, self.monkeypatch, self.folder = options, settings, monkeypatch, folder

    def become(self, system):
        """This process is that system's console, with its records as at the first start."""
        self.settings.CONSOLE = system.host_name
        self.settings.STATE_DIR = self.folder / system.host_name
        (self.settings.STATE_DIR / "hypervisor").mkdir(parents=True, exist_ok=True)
        self.monkeypatch.setattr(time, "time", TRUE_TIME)
        self.monkeypatch.setattr(timezone, "now", TRUE_NOW)
        clock.shift(self.settings.STATE_DIR)
        for name in changed_settings.FOLLOWED:
            self.monkeypatch.setattr(LazySettings, name, None, raising=False)
        changed_settings.follow(self.settings.STATE_DIR)
        for model in (MobilityToken, RemoteSystem, User, LogicalPartition, LogicalVolume):
            model.objects.all().delete()
        for model in apps.get_app_config("system").get_models():
            model.objects.all().delete()
        hypervisor = LabHypervisor(system.identity, self.settings.STATE_DIR / "hypervisor" / "faults.json")
        self.monkeypatch.setitem(ivmweb.hypervisor.DRIVERS, "scripted", lambda path, host: hypervisor)
        self.monkeypatch.setattr(local, "_version", (0.0, ""))
        records.make_first_state(system, self.options)
        remote_system(data.partner_of(system))
        for partition in LogicalPartition.objects.exclude(lpar_id=1):
            hypervisor.create(services.definition_of(partition), operator_fence())
            if partition.is_activated:
                hypervisor.boot(partition.lpar_id)

    def wrong(self, name, *, on_source=(), on_destination=()):
        """The checks that do not pass when `name` is validated with these scenarios; all is undone."""
        try:
            self.become(data.ULI13)
            for scenario in on_source:
                run(scenario)
            findings, request = self.source(name)
            self.become(data.ULI14)
            for scenario in on_destination:
                run(scenario)
            findings += destination_findings(request, MobilityToken(user="padmin", may_change=True))
        finally:
            undo("lun-foreign")  # the one that is not in the records
        return {finding.check_name: finding.outcome for finding in findings if finding.outcome not in QUIET}

    def source(self, name, *, remote=data.ULI14, link=ANSWERS):
        partition = LogicalPartition.objects.get(name=name)
        facts = SourceFacts.of(partition, remote.identity, remote.host_name, link)
        hello = hello_of(data.ULI13, stream_version="scripted 1")
        configuration = configuration_of(partition)
        request = ValidateRequest(
            hello=hello, inactive=facts.inactive, configuration=configuration, clock=time.time()
        )
        return [found.body for found in examine(SOURCE_CHECKS, facts)], request


@pytest.mark.parametrize("name", ["uli13lp1", "uli13lp2"])
def test_at_the_first_start_every_check_passes(consoles, name):
    assert consoles.wrong(name) == {}


@pytest.mark.parametrize("name", scenarios_but(Where.DESTINATION))
def test_a_scenario_on_the_source_is_noticed_by_just_its_checks(consoles, name):
    made = SCENARIOS[name]
    expected = {c for c in made.shows if made.where is Where.SOURCE or SIDES[c] is Where.SOURCE}
    assert set(consoles.wrong("uli13lp1", on_source=[name])) == expected


@pytest.mark.parametrize("name", scenarios_but(Where.SOURCE))
def test_a_scenario_on_the_destination_is_noticed_by_just_its_checks(consoles, name):
    expected = {check for check in SCENARIOS[name].shows if SIDES[check] is Where.DESTINATION}
    assert set(consoles.wrong("uli13lp1", on_destination=[name])) == expected


def test_a_foreign_lun_is_noticed_before_an_inactive_migration(consoles):
    shows = dict.fromkeys(SCENARIOS["lun-foreign"].shows, "failed")
    path = consoles.options.lun_path(1)
    assert consoles.wrong("uli13lp2", on_source=["lun-foreign"]) == shows
    before = read_word(path)  # after the records have been made, whichever test is the first
    assert consoles.wrong("uli13lp2", on_destination=["lun-foreign"]) == shows
    assert read_word(path) == before != OwnerWord()


def test_a_partition_that_is_starting_is_noticed(consoles):
    consoles.become(data.ULI13)
    run("slow-start")
    LogicalPartition.objects.filter(name="uli13lp2").update(state=PartitionState.STARTING)
    findings, _request = consoles.source("uli13lp2")
    failed = {finding.check_name for finding in findings if finding.outcome == "failed"}
    assert failed >= set(SCENARIOS["slow-start"].shows)


def test_a_mover_at_an_address_that_does_not_exist_is_noticed_by_the_source(consoles):
    (check,) = SCENARIOS["mover-unreachable"].shows
    consoles.become(data.ULI14)
    run("mover-unreachable")
    link = try_mover(local.own_mover(), "127.0.0.1:8444")
    undo("mover-unreachable")
    assert try_mover(local.own_mover(), "127.0.0.1:8444").answers
    consoles.become(data.ULI13)
    findings, _request = consoles.source("uli13lp1", link=link)
    assert [f.check_name for f in findings if f.outcome not in QUIET] == [check]


def test_a_migration_to_the_system_where_the_partition_is_is_noticed_by_both_sides(consoles, settings):
    consoles.become(data.ULI13)
    settings.CERTIFICATE = consoles.folder / "console.crt"
    settings.CERTIFICATE.write_text(make_certificate("uli13").certificate)
    run("own-address")
    findings, request = consoles.source("uli13lp1", remote=data.ULI13)
    findings += destination_findings(request, MobilityToken(user="padmin", may_change=True))
    failed = {finding.check_name for finding in findings if finding.outcome == "failed"}
    assert failed >= set(SCENARIOS["own-address"].shows)
    undo("own-address")
    assert [remote.name for remote in RemoteSystem.objects.all()] == ["uli14"]


def test_a_name_that_can_not_be_kept_takes_a_scenario_on_each_side(consoles):
    found = consoles.wrong("uli13lp1", on_source=["custom-name"], on_destination=["disk-name-taken"])
    assert found == dict.fromkeys(SCENARIOS["disk-name-taken"].shows, "warning")


def test_every_check_is_shown_by_a_scenario_or_by_hand_and_no_other_is_named():
    shown = {check for made in SCENARIOS.values() for check in made.shows}
    assert shown | set(BY_HAND) == set(SIDES)
    assert shown & set(BY_HAND) == set()
    assert len(SIDES) == len(validation.SOURCE_CHECKS) + len(validation.DESTINATION_CHECKS)
