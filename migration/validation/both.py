"""Checks that the source and the destination make alike, each of itself."""

from ivmweb.system.models import RmcState
from ivmweb.system.models.storage import ReservePolicy
from migration.validation.found import FoundCheck, failed, listing, passed, warned


def found_hypervisor(host_name: str, error: str) -> FoundCheck:
    if error:
        return failed(
            "check-hypervisor-silent", measured="no answer", limit="answers", system=host_name, reason=error
        )
    return passed("answers", "answers")


def found_management_rmc(host_name: str, rmc_state: str) -> FoundCheck:
    limit = RmcState.ACTIVE.value
    if rmc_state != RmcState.ACTIVE:
        return failed("check-management-rmc", measured=rmc_state, limit=limit, system=host_name, rmc_state=rmc_state)
    return passed(rmc_state, limit)


def found_migrations(host_name: str, kind: str, running: int, most: int) -> FoundCheck:
    """Where there is no room now, Migrate is taken all the same and waits; where there is never any, it is not."""
    measured, limit = f"{running} in progress", f"fewer than {most}" if most else "1 or more supported"
    names: dict[str, str | int] = {"system": host_name, "kind": kind, "running": running, "most": most}
    if running < most:
        return passed(measured, limit)
    if not most:
        return failed("check-too-many-migrations", measured=measured, limit=limit, **names)
    return warned("check-queue", measured=measured, limit=limit, **names)


def found_movers(host_name: str, busy: int, slots: int) -> FoundCheck:
    if not slots:
        return warned("check-queue-no-mover", measured="no mover", limit="1 or more", system=host_name)
    measured, limit = f"{busy} at work", f"fewer than {slots}"
    if busy >= slots:
        return warned("check-queue-movers", measured=measured, limit=limit, system=host_name, busy=busy, slots=slots)
    return passed(measured, limit)


def found_reserved(host_name: str, policies: list[tuple[str, str]], partition: str) -> FoundCheck:
    reserved = [f"{name} ({policy})" for name, policy in policies if policy != ReservePolicy.NO_RESERVE]
    limit = ReservePolicy.NO_RESERVE.value
    if not reserved:
        return passed(limit if policies else "no disks", limit)
    names = listing(reserved)
    return failed(
        "check-reserve-policy", measured=names, limit=limit, system=host_name, disks=names, partition=partition
    )
