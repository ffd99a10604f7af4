"""Changing the properties of the managed system. They count at once, for what runs already too."""

import logging
from decimal import Decimal

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.monitor import notices
from ivmweb.system import audit
from ivmweb.system.changes import Asked, Value, Values, check_range, check_seen, differences, record_task
from ivmweb.system.models import ManagedSystem
from ivmweb.system.property_words import label
from ivmweb.system.rights import Right, require
from ivmweb.system.sections import check_name
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

CHANGE = _("Change System Properties")
LONGEST_NAME = 64
MB = 2**20  # of a rate too: what is left, divided by what is sent a second, is the time that it takes
BANDWIDTH = "migration_bandwidth_bytes_per_s"  # 0: no limit
LEAST_BANDWIDTH_MB, MOST_BANDWIDTH_MB = Decimal("0.1"), 100_000
SYSTEM_NAME = "system_name"  # the column `name`; a partition has a name, too
GENERAL = (SYSTEM_NAME, "attention_led")
MOBILITY = (
    "active_mobility_capable",
    "inactive_mobility_capable",
    "active_migrations_supported",
    "inactive_migrations_supported",
    BANDWIDTH,
    "allowed_suspension_ms",
    "slow_partition",
    "suspend_anyway",
)
SAMPLE_RATE = "sample_rate_s"
UTILIZATION = (SAMPLE_RATE,)
SAMPLE_RATES = (0, 30, 60, 300, 1800, 3600)  # seconds, as IBM's; 0: no samples are taken
RANGES = {
    "active_migrations_supported": (0, 8),
    "inactive_migrations_supported": (0, 64),
    "allowed_suspension_ms": (10, 30_000),
}


def read(system: ManagedSystem, names: tuple[str, ...]) -> dict[str, Value]:
    return {name: getattr(system, column(name)) for name in names}


def column(name: str) -> str:
    return "name" if name == SYSTEM_NAME else name


def change(names: tuple[str, ...], asked: Asked) -> bool:
    """Make the properties (GENERAL or MOBILITY) what is asked, all or none; false when they were so already.

    Raises PrerequisiteFailed with nothing changed.
    """
    system = ManagedSystem.objects.get()
    with audit.attempt(asked.user, asked.origin, "change properties", f"system {system.name}"):
        require(asked.user, Right.CHANGE)
        changed = _record(names, asked)
    if changed:
        logger.info("system %s: changed %s", system.name, ", ".join(changed))
    return bool(changed)


def _record(names: tuple[str, ...], asked: Asked) -> Values:
    with serialized():
        system = ManagedSystem.objects.get()
        now = read(system, names)
        changed = differences(now, asked.wanted)
        if changed:
            check_seen(asked, now, system.name)
            _check(changed)
            ManagedSystem.objects.update(**{column(name): value for name, value in changed.items()})
            record_task(CHANGE, system.name, asked, now, changed)
            notices.publish(notices.SYSTEM, notices.PARTITIONS)
    return changed


def _check(changed: Values) -> None:
    for name, value in changed.items():
        if name == SYSTEM_NAME:
            check_name(name, value, LONGEST_NAME)
        if name in RANGES:
            check_range(name, value, *RANGES[name])
        if name == SAMPLE_RATE and value not in SAMPLE_RATES:
            choices = ", ".join(map(str, SAMPLE_RATES))
            raise PrerequisiteFailed("value-not-offered", field=label(name), value=str(value), choices=choices)
        if name == BANDWIDTH and value:
            _check_bandwidth(megabytes(int(value)))


def _check_bandwidth(value: Decimal) -> None:
    if not LEAST_BANDWIDTH_MB <= value <= MOST_BANDWIDTH_MB:
        limits = {"low": str(LEAST_BANDWIDTH_MB), "high": str(MOST_BANDWIDTH_MB)}
        raise PrerequisiteFailed("bandwidth-out-of-range", field=label(BANDWIDTH), value=str(value), **limits)


def megabytes(count: int) -> Decimal:
    """As the page shows a number of bytes: two decimals."""
    return (Decimal(count) / MB).quantize(Decimal("0.01"))
