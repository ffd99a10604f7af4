"""A validation report as pages show it: each check as a claim, what was measured, what is needed, how to mend it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from ivmweb.pages.wording import in_words
from migration.models import Finding, Outcome, RoleChoices, ValidationReport
from migration.told import told
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
    key: str = ""  # `source:partition_is_free`: the same check in every report

    @property
    def tone(self) -> str:
        return TONES[self.outcome]


@dataclass(frozen=True)
class Row:
    """A check of a report: as found last, and as found with the report where it was made again since."""

    check: Check
    again_at: datetime | None = None
    again_by: str = ""
    first: Check | None = None


@dataclass(frozen=True)
class Change:
    """What is different from an earlier report; None: it was not made there, or not here."""

    before: Check | None
    after: Check | None

    @property
    def check(self) -> Check:
        check = self.after or self.before
        assert check is not None  # noqa: S101 (a change has at least one side)
        return check


def checks_of(report: ValidationReport) -> list[Check]:
    """As they were when the report was made."""
    return [check_of(finding) for finding in report.made_together]


def rows_of(report: ValidationReport) -> list[Row]:
    """Each check once, the worst first."""
    firsts = {check.key: check for check in checks_of(report)}
    rows = {key: Row(check) for key, check in firsts.items()}
    for finding in report.findings.all():
        if finding.again_at is not None:
            check = check_of(finding)
            rows[check.key] = Row(check, finding.again_at, finding.again_by, firsts.get(check.key))
    return sorted(rows.values(), key=lambda row: ORDER.index(row.check.outcome))


def check_of(finding: Finding) -> Check:
    code, text = said(finding)
    return Check(
        outcome=Outcome(finding.outcome),
        claim=_(title_of(finding.check_name)),
        side=str(RoleChoices(finding.side).label),
        measured=told(finding.measured),
        limit=told(finding.limit),
        code=code,
        text=text,
        key=f"{finding.side}:{finding.check_name}",
    )


def said(finding: Finding) -> tuple[str, str]:
    sentence = finding.sentence
    return sentence.code, in_words(replace(sentence, code=""))


def worst_first(checks: Iterable[Check]) -> list[Check]:
    return sorted(checks, key=lambda check: ORDER.index(check.outcome))


def counts(checks: Iterable[Check]) -> list[tuple[Outcome, str, int]]:
    """Outcome, tone and number, the worst first; those that are there."""
    found = Counter(check.outcome for check in checks)
    return [(outcome, TONES[outcome], found[outcome]) for outcome in ORDER if found[outcome]]


def changes(before: Sequence[Check], after: Sequence[Check]) -> list[Change]:
    """Checks whose outcome or measured value differs, those with another outcome first. Pure."""
    old, new = {check.key: check for check in before}, {check.key: check for check in after}
    found = [Change(old.get(key), new.get(key)) for key in {**new, **old} if differs(old.get(key), new.get(key))]
    return sorted(found, key=lambda change: (not has_other_outcome(change), ORDER.index(change.check.outcome)))


def differs(before: Check | None, after: Check | None) -> bool:
    if before is None or after is None:
        return True
    return (before.outcome, before.measured) != (after.outcome, after.measured)


def has_other_outcome(change: Change) -> bool:
    if change.before is None or change.after is None:
        return True
    return change.before.outcome != change.after.outcome
