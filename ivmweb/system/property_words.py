"""What the properties are called, and how a change of each is told in Monitor Tasks."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from ivmweb.common.sentence import Sentence
from ivmweb.system.words import in_english

LABELS = {
    "name": _("Partition name"),
    "workload_group": _("Partition workload group"),
    "memory_minimum_mb": _("Minimum memory (MB)"),
    "memory_mb": _("Assigned memory (MB)"),
    "memory_maximum_mb": _("Maximum memory (MB)"),
    "processor_mode": _("Processing mode"),
    "processing_units_minimum": _("Minimum processing units"),
    "processing_units": _("Assigned processing units"),
    "processing_units_maximum": _("Maximum processing units"),
    "virtual_processors_minimum": _("Minimum virtual processors"),
    "virtual_processors": _("Assigned virtual processors"),
    "virtual_processors_maximum": _("Maximum virtual processors"),
    "uncapped_weight": _("Uncapped weight"),
    "compatibility_mode": _("Processor compatibility mode"),
    "boot_from": _("Boots from"),
    "auto_start": _("Starts with the system"),
    "max_virtual_slots": _("Maximum virtual slots"),
    "system_name": _("System name"),
    "attention_led": _("System attention LED"),
    "active_mobility_capable": _("Active mobility capability"),
    "inactive_mobility_capable": _("Inactive mobility capability"),
    "active_migrations_supported": _("Active migrations supported"),
    "inactive_migrations_supported": _("Inactive migrations supported"),
    "migration_bandwidth_bytes_per_s": _("Bandwidth limit (MB per second)"),
    "allowed_suspension_ms": _("Allowed suspension (ms)"),
    "slow_partition": _("While memory does not converge"),
    "suspend_anyway": _("If memory does not converge"),
    "sample_rate_s": _("Utilization sample rate (seconds)"),
}
CHANGES = {
    "sample_rate_s": gettext_noop("Utilization sample rate: {old} s → {new} s"),
    "name": gettext_noop("Partition name: {old} → {new}"),
    "workload_group": gettext_noop("Partition workload group: {old} → {new}"),
    "memory_minimum_mb": gettext_noop("Minimum memory: {old} MB → {new} MB"),
    "memory_mb": gettext_noop("Assigned memory: {old} MB → {new} MB"),
    "memory_maximum_mb": gettext_noop("Maximum memory: {old} MB → {new} MB"),
    "processor_mode": gettext_noop("Processing mode: {old} → {new}"),
    "processing_units_minimum": gettext_noop("Minimum processing units: {old} → {new}"),
    "processing_units": gettext_noop("Assigned processing units: {old} → {new}"),
    "processing_units_maximum": gettext_noop("Maximum processing units: {old} → {new}"),
    "virtual_processors_minimum": gettext_noop("Minimum virtual processors: {old} → {new}"),
    "virtual_processors": gettext_noop("Assigned virtual processors: {old} → {new}"),
    "virtual_processors_maximum": gettext_noop("Maximum virtual processors: {old} → {new}"),
    "uncapped_weight": gettext_noop("Uncapped weight: {old} → {new}"),
    "compatibility_mode": gettext_noop("Processor compatibility mode: {old} → {new}"),
    "boot_from": gettext_noop("Boots from: {old} → {new}"),
    "auto_start": gettext_noop("Starts with the system: {old} → {new}"),
    "max_virtual_slots": gettext_noop("Maximum virtual slots: {old} → {new}"),
    "system_name": gettext_noop("System name: {old} → {new}"),
    "attention_led": gettext_noop("System attention LED on: {old} → {new}"),
    "active_mobility_capable": gettext_noop("Capable of active migrations: {old} → {new}"),
    "inactive_mobility_capable": gettext_noop("Capable of inactive migrations: {old} → {new}"),
    "active_migrations_supported": gettext_noop("Active migrations supported: {old} → {new}"),
    "inactive_migrations_supported": gettext_noop("Inactive migrations supported: {old} → {new}"),
    "migration_bandwidth_bytes_per_s": gettext_noop("Bandwidth limit: {old} → {new} MB per second (0: none)"),
    "allowed_suspension_ms": gettext_noop("Allowed suspension: {old} ms → {new} ms"),
    "slow_partition": gettext_noop("Slow the partition down where memory does not converge: {old} → {new}"),
    "suspend_anyway": gettext_noop("Suspend although memory does not converge: {old} → {new}"),
}
# Of devices, which have names of their own.
VLAN_PREFIX, POLICY_PREFIX, ADAPTER_PREFIX = "vlan-", "policy-", "adapter-"
VLAN_CHANGE = gettext_noop("Virtual network of the adapter in slot {name}: VLAN {old} → VLAN {new}")
POLICY_CHANGE = gettext_noop("Reserve policy of {name}: {old} → {new}")
ADAPTER_GIVEN = gettext_noop("Physical adapter {name} assigned")
ADAPTER_REMOVED = gettext_noop("Physical adapter {name} removed")


def label(key: str) -> str:
    """Of a property, in English for messages; a device's own name where it has none."""
    return in_english(LABELS[key]) if key in LABELS else name_in(key)


def name_in(key: str) -> str:
    """`hdisk2` of `policy-hdisk2`."""
    return key.partition("-")[2]


def change_sentence(key: str, old: object, new: object) -> Sentence:
    if key == "migration_bandwidth_bytes_per_s":
        old, new = (f"{int(str(value)) / 2**20:g}" for value in (old, new))
    params = {"name": name_in(key), "old": _plain(old), "new": _plain(new)}
    if key.startswith(VLAN_PREFIX):
        return Sentence(VLAN_CHANGE, params)
    if key.startswith(POLICY_PREFIX):
        return Sentence(POLICY_CHANGE, params)
    if key.startswith(ADAPTER_PREFIX):
        return Sentence(ADAPTER_GIVEN if new else ADAPTER_REMOVED, params)
    return Sentence(CHANGES[key], params)


def _plain(value: object) -> str | int | bool:
    if value is None:
        return "–"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value if isinstance(value, int) else str(value)
