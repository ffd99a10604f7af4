"""Facts from records, and the report that a press of Validate leaves."""

import time
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from ivmweb.common.errors import PeerError
from ivmweb.hypervisor.base import RunState
from ivmweb.hypervisor.lun import change_word, read_word
from ivmweb.lab import data
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    PhysicalVolume,
    StoragePool,
    VirtualEthernet,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.services import plan_of, reserve_shell
from migration import validation
from migration.models import Finding, Migration, MobilityToken, ValidationReport
from migration.peer.configuration import configuration_of, plan_from
from migration.peer.messages import (
    Configuration,
    FindingBody,
    MoverAddress,
    PrepareRequest,
    ValidateAnswer,
    ValidateRequest,
)
from migration.validation import destination_findings, first_failure, title_of
from migration.validation.report import REPORTS_KEPT
from tests.migration.conftest import fact_of, hello_of

SOURCE_QUERIES = 22
DESTINATION_QUERIES = 19


class ScriptedPeer:
    """uli14's console: says what a test wants, and keeps what it was asked."""

    def __init__(self, findings=(), error=None):
        self.findings, self.error, self.asked = tuple(findings), error, []

    def hello(self):
        return hello_of(data.ULI14)

    def validate(self, token, request):
        self.asked.append((token, request))
        if self.error:
            raise self.error
        mover = MoverAddress(host="127.0.0.1", port=0)
        return ValidateAnswer(hello=self.hello(), mover=mover, findings=self.findings)


def run(partition, remote, peer):
    return validation.run(partition, remote, peer, "token", "padmin", "ULI14", "padmin")


def outcomes(findings):
    return {finding.check_name: finding.outcome for finding in findings if finding.outcome != "passed"}


# The source's side


def test_a_running_partition_is_validated_as_active_and_the_report_kept(uli13, uli13lp1):
    peer = ScriptedPeer([FindingBody(check_name="destination_has_memory", outcome="passed", measured="2752 MB free")])
    report = run(uli13lp1, uli13, peer)
    kept = ValidationReport.objects.get()
    assert (kept.pk, kept.type, kept.partition_name, kept.lpar_id) == (report.pk, "active", "uli13lp1", 2)
    assert (kept.remote_manager, kept.remote_user, kept.user) == ("ULI14", "padmin", "padmin")
    assert kept.passed
    assert kept.remote == uli13
    sides = [finding.side for finding in kept.findings.all()]
    assert sides == ["source"] * len(validation.SOURCE_CHECKS) + ["destination"]
    token, request = peer.asked[0]
    assert (token, request.inactive, request.hello) == ("token", False, hello_of(data.ULI13))
    assert request.configuration == configuration_of(uli13lp1)


def test_a_partition_that_is_off_is_validated_as_inactive(uli13, uli13lp2):
    peer = ScriptedPeer()
    report = run(uli13lp2, uli13, peer)
    assert (report.type, report.passed, peer.asked[0][1].inactive) == ("inactive", True, True)


def test_all_that_is_wrong_is_reported_and_the_destination_still_asked(uli13, uli13lp1):
    PhysicalAdapter.objects.filter(location=data.ULI13.spare_adapter_location).update(partition=uli13lp1)
    PhysicalVolume.objects.filter(name="hdisk5").update(reserve_policy="single_path")
    VirtualTargetDevice.objects.filter(name="vtscsi4").update(
        physical_volume=None,
        logical_volume=LogicalVolume.objects.create(
            pool=StoragePool.objects.create(name="pool", size_mb=10), name="lv01", size_mb=10
        ),
    )
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(workload_group=1, rmc_state="inactive", hold="activate")
    ManagedSystem.objects.update(active_mobility_capable=False, active_migrations_supported=0)
    uli13lp1.refresh_from_db()
    peer = ScriptedPeer(
        [FindingBody(check_name="destination_has_memory", outcome="failed", message_key="check-memory")]
    )
    report = run(uli13lp1, uli13, peer)
    assert not report.passed
    assert set(outcomes(report.findings.filter(side="source"))) == {
        "partition_is_free",
        "source_is_mobility_capable",
        "source_allows_another_migration",
        "partition_answers_over_rmc",
        "operating_system_is_ready",  # not applicable: it can't be asked
        "partition_is_in_no_workload_group",
        "partition_has_no_physical_adapters",
        "disks_are_whole_san_volumes",
        "source_disks_are_not_reserved",
    }
    assert report.findings.get(side="destination").outcome == "failed"


def test_media_that_no_other_system_can_have_keep_their_partition_here(uli13, uli13lp2):
    adapter = uli13lp2.server_adapters.get()
    media = [
        VirtualMedium.objects.create(name="writable", size_mb=1, sha256="d1" * 32),
        VirtualMedium.objects.create(name="blank", size_mb=1, is_read_only=True),
        VirtualMedium.objects.create(name="linux", size_mb=1, is_read_only=True, sha256="d1" * 32),
        None,
    ]
    for number, loaded in enumerate(media):
        VirtualTargetDevice.objects.create(
            name=f"vtopt{number}", adapter=adapter, lun_number=0x90 + number, is_optical=True, medium=loaded
        )
    finding = run(uli13lp2, uli13, ScriptedPeer()).findings.get(check_name="disks_are_whole_san_volumes")
    assert finding.outcome == "failed"
    kept = "vtopt0 (optical drive, medium writable), vtopt1 (optical drive, medium blank)."
    assert kept in str(finding.sentence.in_words(finding.sentence.text))


def test_the_management_partition_is_refused_here(uli13):
    report = run(LogicalPartition.objects.get(lpar_id=1), uli13, ScriptedPeer())
    assert outcomes(report.findings.all())["partition_is_not_the_management_partition"] == "failed"


def test_a_silent_hypervisor_is_a_finding(uli13, uli13lp1, hypervisor):
    hypervisor.silent = True
    report = run(uli13lp1, uli13, ScriptedPeer())
    finding = report.findings.get(check_name="source_hypervisor_answers")
    assert (finding.outcome, "no such file" in finding.message_params["reason"]) == ("failed", True)


def test_migrations_under_way_count_against_limit_and_movers(uli13, uli13lp1, settings):
    settings.MOVER_SLOTS = 1
    ManagedSystem.objects.update(active_migrations_supported=1)
    Migration.objects.create(
        role="source", type="active", state="transferring", partition_uuid=configuration_of(uli13lp1).uuid,
        partition_name="x", lpar_id=9, remote=uli13,
    )  # fmt: skip
    found = outcomes(run(uli13lp1, uli13, ScriptedPeer()).findings.all())
    assert set(found) == {"partition_is_free", "source_allows_another_migration", "source_has_free_mover"}


def test_a_destination_that_can_not_be_asked_leaves_no_half_report(uli13, uli13lp1):
    error = PeerError("peer-timeout", permanent=False, remote="uli14", address="x", timeout_s="10")
    with pytest.raises(PeerError):
        run(uli13lp1, uli13, ScriptedPeer(error=error))
    assert not ValidationReport.objects.exists()
    assert not Finding.objects.exists()


@pytest.mark.parametrize(
    ("key", "params"),
    [("check-of-tomorrow", {}), ("check-memory", {}), ("check-memory", {"needed_mb": 1}), ("", {})],
)
def test_a_finding_that_this_console_can_not_say_is_still_told(uli13, uli13lp1, key, params):
    body = FindingBody(
        check_name="tomorrow", outcome="failed", measured="2", limit="1", message_key=key, message_params=params
    )
    report = run(uli13lp1, uli13, ScriptedPeer([body]))
    finding = report.findings.get(side="destination")
    assert (finding.check_name, finding.outcome) == ("tomorrow", "failed")
    assert finding.message_key == ("check-of-another-version" if key else "")
    assert not report.passed


def test_the_newest_200_reports_are_kept(uli13, uli13lp1):
    ValidationReport.objects.bulk_create(
        ValidationReport(partition_uuid=uli13lp1.uuid, partition_name="old", lpar_id=2)
        for _old in range(REPORTS_KEPT)
    )
    report = run(uli13lp1, uli13, ScriptedPeer())
    assert ValidationReport.objects.count() == REPORTS_KEPT
    assert ValidationReport.objects.filter(pk=report.pk).exists()


def test_validating_changes_nothing_but_the_report(uli13, uli13lp1):
    def records():
        models = (LogicalPartition, ManagedSystem, PhysicalVolume, VirtualServerAdapter, VirtualTargetDevice)
        return [list(model.objects.order_by("pk").values()) for model in models]

    before = records()
    run(uli13lp1, uli13, ScriptedPeer())
    assert records() == before
    assert not Migration.objects.exists()


def test_a_configuration_travels_without_loss(uli13, uli13lp1):
    sent = configuration_of(uli13lp1)
    arrived = type(sent).model_validate_json(sent.model_dump_json())
    assert plan_from(arrived) == plan_of(uli13lp1)
    assert isinstance(arrived.processing_units, Decimal)


@pytest.mark.parametrize(
    ("answer", "outcome"), [("", "passed"), ("rmc-refused", "failed"), ("rmc-silent", "warning")]
)
def test_the_operating_system_is_asked_whether_it_can_be_moved(uli13, uli13lp1, hypervisor, answer, outcome):
    hypervisor.rmc_answer = answer
    report = run(uli13lp1, uli13, ScriptedPeer())
    assert report.findings.get(check_name="operating_system_is_ready").outcome == outcome
    assert hypervisor.asked_over_rmc == [2]


def test_what_the_hypervisor_says_of_the_partition_counts_and_nobody_is_asked_who_is_down(
    uli13, uli13lp1, hypervisor
):
    hypervisor.partitions = [fact_of(uli13lp1, RunState.NOT_ACTIVATED)]
    report = run(uli13lp1, uli13, ScriptedPeer())
    assert outcomes(report.findings.filter(side="source")) == {
        "hypervisor_confirms_the_state": "failed",
        "operating_system_is_ready": "not applicable",
    }
    assert hypervisor.asked_over_rmc == []


def test_the_source_validates_with_few_questions_to_the_database(
    uli13, uli13lp1, django_assert_max_num_queries, hypervisor
):
    with django_assert_max_num_queries(SOURCE_QUERIES):
        run(uli13lp1, uli13, ScriptedPeer([FindingBody(check_name=f"check{n}", outcome="passed") for n in range(40)]))


# The destination's side


def token(**fields):
    return MobilityToken(user="padmin", system_identity=data.ULI13.identity, may_change=True, **fields)


def asked(configuration, *, inactive=False):
    request = ValidateRequest(
        hello=hello_of(data.ULI13), inactive=inactive, configuration=configuration, clock=time.time()
    )
    return destination_findings(request, token())


def prepare_request(configuration):
    return PrepareRequest(
        migration_id=configuration.uuid,
        hello=hello_of(data.ULI13),
        inactive=False,
        secret="0" * 64,
        remote_user="padmin",
        user="padmin",
        configuration=configuration,
    )


def test_the_first_state_of_the_laboratory_passes(uli14, configuration):
    assert outcomes(asked(configuration)) == {}
    assert first_failure(prepare_request(configuration), token()) is None


def test_the_destination_validates_with_few_questions_to_the_database(
    uli14, configuration, django_assert_max_num_queries
):
    with django_assert_max_num_queries(DESTINATION_QUERIES):
        asked(configuration)


def test_luns_are_looked_at_by_the_hypervisor_now(uli14, configuration, options):
    PhysicalVolume.objects.filter(name="hdisk5").update(path="/nowhere/hdisk5")
    word = read_word(options.lun_path(6))
    change_word(options.lun_path(6), word, replace(word, system=data.ULI14.identity))
    try:
        findings = {finding.check_name: finding for finding in asked(configuration)}
    finally:
        change_word(options.lun_path(6), replace(word, system=data.ULI14.identity), word)
    assert (
        "hdisk5 (The LUN /nowhere/hdisk5 can't be used: " in findings["disks_can_be_read_at_the_destination"].measured
    )
    assert findings["disks_belong_to_the_source"].measured.startswith(f"hdisk6 (owned by {data.ULI14.identity}")


@pytest.mark.parametrize(("lpar_id", "same"), [(2, False), (7, True)])
def test_what_a_hypervisor_has_in_no_record_is_in_the_way(uli14, configuration, hypervisor, lpar_id, same):
    fact = fact_of(LogicalPartition(lpar_id=lpar_id, name="left", uuid=configuration.uuid if same else uuid4()))
    hypervisor.partitions.append(fact)
    assert outcomes(asked(configuration)) == {"hypervisor_has_no_remains": "failed"}


def test_a_partition_without_a_record_that_is_in_nobodys_way_is_left_alone(uli14, configuration, hypervisor):
    hypervisor.partitions.append(fact_of(LogicalPartition(lpar_id=7, name="left", uuid=uuid4())))
    assert outcomes(asked(configuration)) == {}


def test_prepare_compares_no_clocks(uli14, configuration):
    findings = destination_findings(prepare_request(configuration), token())
    assert outcomes(findings) == {"clocks_are_similar": "not applicable"}


def with_user_defined_name(configuration):
    body = configuration.model_dump(mode="json")
    body["adapters"][0]["disks"][0]["is_user_defined"] = True
    return Configuration.model_validate(body)


def test_what_another_partition_took_is_found_thing_by_thing(uli14, configuration):
    rival = plan_from(configuration.model_copy(update={"uuid": uuid4()}))
    reserve_shell(rival, "", PartitionState.RUNNING)
    assert outcomes(asked(with_user_defined_name(configuration))) == {
        "partition_name_is_free": "failed",
        "disks_are_free_at_the_destination": "failed",
        "mac_addresses_are_unique": "failed",
        "partition_id_can_be_kept": "warning",
        "slots_can_be_kept": "warning",
        "user_defined_names_can_be_kept": "warning",
    }


def test_who_has_a_mac_address_at_the_destination_is_named(uli14, configuration):
    reserve_shell(plan_from(configuration.model_copy(update={"uuid": uuid4(), "name": "rival"})), "", "Running")
    found = next(body for body in asked(configuration) if body.check_name == "mac_addresses_are_unique")
    address = configuration.ethernets[0].mac_address
    assert found.message_params["addresses"].startswith(f"{address} (of rival, ID {configuration.lpar_id})")


def test_a_disk_that_is_missing_is_named_as_the_source_names_it(uli13, uli13lp1):
    disk = configuration_of(uli13lp1).adapters[0].disks[0]
    assert (disk.hdisk, disk.name) == ("hdisk2", "vtscsi0")


def test_the_warned_changes_are_those_that_prepare_makes(uli14, configuration):
    """The checks foresee ID, slot and names by the rules that reserve_shell follows."""
    small = plan_from(configuration.model_copy(update={"uuid": uuid4(), "name": "other", "ethernets": ()}))
    adapter = replace(small.adapters[0], disks=(replace(small.adapters[0].disks[0], unique_id=data.unique_id(0)),))
    reserve_shell(replace(small, adapters=(adapter,)), "", PartitionState.RUNNING)
    wanted = with_user_defined_name(configuration)
    found = {finding.check_name: finding.message_params for finding in asked(wanted)}
    shell = reserve_shell(plan_from(wanted), "", PartitionState.MIGRATING_RUNNING)
    assert found["partition_id_can_be_kept"]["new_id"] == shell.lpar_id == 3
    made = shell.server_adapters.get()
    assert found["slots_can_be_kept"]["changes"] == f"vhost0: C11 to C{made.slot}"
    device = made.target_devices.get(lun_number=0x81)
    assert found["user_defined_names_can_be_kept"]["changes"] == f"vtscsi0 to {device.name}"


def test_a_partition_that_is_here_already_is_found_by_its_identity(uli14, configuration):
    reserve_shell(plan_from(configuration), "migration 1", PartitionState.MIGRATING_RUNNING)
    found = {finding.check_name: finding for finding in asked(configuration)}
    assert found["partition_is_not_at_the_destination"].measured == "uli13lp1 (ID 2, Migrating - Running)"
    assert found["partition_name_is_free"].outcome == "passed"


def test_limits_of_the_system_become_findings(uli14, configuration, hypervisor):
    VirtualEthernet.objects.update(bridge_adapter="")
    PhysicalVolume.objects.filter(name="hdisk2").delete()
    PhysicalVolume.objects.filter(name="hdisk5").update(on_san=False)
    PhysicalVolume.objects.filter(name="hdisk6").update(reserve_policy="single_path")
    ManagedSystem.objects.update(
        free_memory_mb=100,
        free_units=Decimal("0.05"),
        compatibility_modes=["POWER7"],
        memory_region_mb=32,
        max_partitions=1,
        active_mobility_capable=False,
        active_migrations_supported=0,
    )
    hypervisor.silent = True
    findings = asked(configuration)
    assert {name for name, outcome in outcomes(findings).items() if outcome == "failed"} == {
        "destination_is_mobility_capable",
        "destination_hypervisor_answers",
        "destination_allows_another_migration",
        "destination_allows_another_partition",
        "compatibility_mode_is_supported",
        "current_mode_is_supported",
        "destination_has_memory",
        "memory_region_size_fits",
        "destination_has_processing_units",
        "disks_are_found_at_the_destination",
        "destination_disks_are_not_reserved",
        "networks_are_bridged_at_the_destination",
    }
    missing = next(finding for finding in findings if finding.check_name == "disks_are_found_at_the_destination")
    assert missing.measured == "3 of 5"


def test_a_destination_without_virtual_slots_says_so(uli14, configuration):
    ManagedSystem.objects.update(max_virtual_slots=11)
    assert outcomes(asked(configuration)) == {"destination_has_virtual_slots": "failed"}


def test_an_inactive_migration_counts_against_its_own_limit(uli14, configuration):
    ManagedSystem.objects.update(active_migrations_supported=0, inactive_mobility_capable=False)
    found = outcomes(asked(configuration, inactive=True))
    assert {name for name, outcome in found.items() if outcome == "failed"} == {"destination_is_mobility_capable"}


def test_prepare_gets_the_first_failure_as_an_error(uli14, configuration):
    ManagedSystem.objects.update(free_memory_mb=100)
    error = first_failure(prepare_request(configuration), token())
    assert (error.key, error.params["free_mb"]) == ("check-memory", 100)


# For people


def test_every_check_has_a_title_of_its_own_and_another_versions_shows_its_name():
    checks = [*validation.SOURCE_CHECKS, *validation.DESTINATION_CHECKS]
    assert len({check.name for check in checks}) == len({title_of(check.name) for check in checks}) == len(checks)
    assert title_of("checks_of_tomorrow") == "Checks of tomorrow"
