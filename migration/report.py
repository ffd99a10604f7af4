"""A validation report as pages show it: each check as a claim, what was measured, what is needed, how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ivmweb.common.errors import message
from migration.models import Finding, Outcome, RoleChoices, ValidationReport
from migration.validation.report import title_of

ORDER = [Outcome.FAILED, Outcome.WARNING, Outcome.PASSED, Outcome.NOT_APPLICABLE]
TONES = {
    Outcome.FAILED: "bad",
    Outcome.WARNING: "attention",
    Outcome.PASSED: "good",
    Outcome.NOT_APPLICABLE: "quiet",
}


@dataclass(frozen=True)
class Check:
    outcome: Outcome
    claim: str
    side: str
    measured: str
    limit: str
    code: str
    text: str  # what is wrong and how to mend it; empty where nothing is

    @property
    def tone(self) -> str:
        return TONES[self.outcome]


def checks_of(report: ValidationReport) -> list[Check]:
    return [check_of(finding) for finding in report.findings.all()]


def check_of(finding: Finding) -> Check:
    code, text = said(finding)
    return Check(
        outcome=Outcome(finding.outcome),
        claim=_(title_of(finding.check_name)),
        side=str(RoleChoices(finding.side).label),
        measured=finding.measured,
        limit=finding.limit,
        code=code,
        text=text,
    )


def said(finding: Finding) -> tuple[str, str]:
    if not finding.message_key:
        return "", ""
    found = message(finding.message_key)
    return found.code, _(found.text).format(**finding.message_params)


def worst_first(checks: Iterable[Check]) -> list[Check]:
    return sorted(checks, key=lambda check: ORDER.index(check.outcome))
