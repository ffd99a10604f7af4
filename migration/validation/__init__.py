"""Validate: one small function a check on each side; all findings, never only the first; nothing is changed."""

from migration.validation.destination import DESTINATION_CHECKS
from migration.validation.report import ask, destination_findings, first_failure, run, title_of
from migration.validation.source import SOURCE_CHECKS

__all__ = [
    "DESTINATION_CHECKS",
    "SOURCE_CHECKS",
    "ask",
    "destination_findings",
    "first_failure",
    "run",
    "title_of",
]
