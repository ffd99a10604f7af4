"""What an operator may order while the other console is silent: discard, give up, restart from disk, run the image,
close without it.
And by what it answers: yield, where both sides have the partition; restart, where a restored side may have run it.

Which record and which facts allow what stands in states.py; here is who may, that the partner really is silent (or
what it says just now), and the one write that makes it so. docs/state-machine.md, "What an operator may order".
"""

from dataclasses import replace

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PeerError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import LunFacts
from ivmweb.system import audit
from ivmweb.system import services as system
from ivmweb.system.rights import AnyUser, Right, require
from migration import journal, partner, recovery
from migration.leases import Fenced
from migration.look import classify, look
from migration.models import Migration
from migration.peer.auth import SecretUnreadable
from migration.peer.client import NO_ANSWER, Patience
from migration.peer.local import own_identity
from migration.recover_words import AT_WORK, STARTS, after_recover, fill
from migration.recovery import ROLES
from migration.states import (
    BY_ANSWER,
    DESTINATION_STATES,
    FORCES,
    SOURCE_STATES,
    Act,
    Answer,
    Fact,
    Role,
    Seen,
    State,
    Word,
    may_force,
    may_restart_restored,
    may_yield,
)

# Tick boxes of each act: what the operator accepts to lose, or claims although no console can check it.
CLAIMS = dict.fromkeys(Act, 1) | {Act.RUN_IMAGE: 2}
WITHOUT_CLAIM = frozenset({Act.DISCARD, Act.GIVE_UP})  # never two copies, whatever the partner does
# Lines of the journal.
SILENCE = _("{user} ordered while {remote} did not answer: {act}")
ORDERED = {
    Act.YIELD: _("{user} ordered to leave it to {remote}: {act}"),
    Act.RESTART_RESTORED: _("{user} ordered, as {remote} waits for this console: {act}"),
}
FACTS_NEEDED = {
    (Act.RUN_IMAGE, Role.SOURCE): _("suspended, everything sent"),
    (Act.RUN_IMAGE, Role.DESTINATION): _("loaded, the whole memory is here"),
    (Act.CLOSE, Role.SOURCE): _("a partition that runs here or is down, with LUNs that say this server"),
    (Act.CLOSE, Role.DESTINATION): _("a partition that runs here or is down, with LUNs that say this server"),
}


def force(migration: Migration, act_name: str, *, typed: str, claims: int, user: AnyUser, origin: str) -> str:
    """Carry an act out and go on from there; says in words what that came to.

    `typed`: the partition's name, `claims`: how many of the act's tick boxes are ticked. Raises PrerequisiteFailed,
    and then nothing was changed.
    """
    require(user, Right.MIGRATE)
    with audit.attempt(user, origin, f"Recover: {act_name}"[:64], str(migration)):
        act = act_of(act_name)
        if migration.in_question:
            raise PrerequisiteFailed("database-restored")
        check_words(migration, act, typed, claims)
        check_state(migration, act)
        patience = Patience()
        answer = check_answer(migration, act, patience)
        migration.refresh_from_db()  # what was heard meanwhile counts
        seen = check_facts(migration, act, answer)
        if not write(migration, act, seen, str(user)):
            migration.refresh_from_db()
            raise PrerequisiteFailed("force-overtaken", partition=migration.partition_name, state=migration.state)
    return go_on(migration, act, patience)


def possible(migration: Migration, answer: Answer | None) -> list[Act]:
    """Acts that record, facts and answer allow now; that the partner is silent is for the caller to see."""
    if migration.in_question:
        return []
    seen = see(migration, answer)
    return [act for act in Act if may_force(migration.record, seen, act)]


def possible_beside(migration: Migration, answer: Answer) -> list[Act]:
    """Those that an answer does not refuse."""
    return [act for act in possible(migration, answer) if act in BY_ANSWER]


def act_of(name: str) -> Act:
    try:
        return Act(name)
    except ValueError as exc:
        raise PrerequisiteFailed("force-unknown", act=name[:64], needed=", ".join(Act)) from exc


# Checks; each raises PrerequisiteFailed


def check_words(migration: Migration, act: Act, typed: str, claims: int) -> None:
    name = migration.partition_name
    if typed.strip() != name:
        raise PrerequisiteFailed("force-name-differs", typed=typed.strip()[:64], partition=name)
    if claims < CLAIMS[act]:
        raise PrerequisiteFailed("force-not-claimed", act=act.value, partition=name)


def check_state(migration: Migration, act: Act) -> None:
    if migration.state not in FORCES[act]:
        needed = ", ".join(sorted(state.value for state in FORCES[act] if state in own_states(migration)))
        raise wrong_state(migration, act, needed or _("a migration in the other role"))


def own_states(migration: Migration) -> frozenset[State]:
    return SOURCE_STATES if migration.is_source else DESTINATION_STATES


def wrong_state(migration: Migration, act: Act, needed: str) -> PrerequisiteFailed:
    return PrerequisiteFailed(
        "force-wrong-state",
        act=act.value,
        partition=migration.partition_name,
        state=migration.state,
        needed=needed,
    )


def check_answer(migration: Migration, act: Act, patience: Patience) -> Answer | None:
    """Ask the partner now. Any answer refuses an act for its silence, since who answers is not off, and can be asked.

    The reverse for an act by its answer: where it is silent nobody knows what it has.
    """
    names = {"remote": migration.remote.name, "partition": migration.partition_name}
    try:
        answer = partner.tell(migration, look(migration, None).fact, patience=patience)
    except PeerError as failed:
        exc = partner.why_not_asked(migration, failed, patience)
        partner.remember_silence(migration, exc)
        if is_silent(exc, act):
            return None
        if isinstance(exc, SecretUnreadable):
            raise PrerequisiteFailed("force-cannot-ask", answer=str(exc), **names) from exc
        if act in BY_ANSWER:
            raise PrerequisiteFailed("force-partner-silent", answer=str(exc), **names) from exc
        raise PrerequisiteFailed("force-partner-refuses", answer=str(exc), **names) from exc
    if act in BY_ANSWER:
        return answer
    since = migration.partner_answers_since
    when = f"{since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
    raise PrerequisiteFailed("force-partner-answers", since=when, state=migration.partner_state, **names)


def is_silent(error: PeerError, act: Act) -> bool:
    """Whether the act may go on: nothing answers there; or, where it makes no claim, no answer can be had."""
    if act in BY_ANSWER:
        return False
    return error.key in NO_ANSWER or (act in WITHOUT_CLAIM and has_no_answer(error))


def has_no_answer(error: PeerError) -> bool:
    """The partner runs and has no record of the migration, or this console can't sign what it would ask."""
    return isinstance(error, SecretUnreadable) or error.params.get("remote_key") == "peer-migration-unknown"


def check_facts(migration: Migration, act: Act, answer: Answer | None) -> Seen:
    """What is seen here now; raises PrerequisiteFailed where it does not allow the act."""
    seen = see(migration, answer)
    if may_force(migration.record, seen, act):
        return seen
    names = {"act": act.value, "partition": migration.partition_name}
    check_state(migration, act)
    if act is Act.YIELD and answer is not None:
        raise cannot_yield(migration, answer)
    if act in WITHOUT_CLAIM:
        raise wrong_state(migration, act, _("a record of the present database, not of a backup"))
    if migration.is_inactive and act is not Act.CLOSE:
        raise wrong_state(migration, act, _("a migration of a running partition"))
    if act is Act.RESTART_RESTORED and not may_restart_restored(migration.record, answer):
        raise wrong_state(migration, act, _("a restored database, and a source that has given it up and knows of it"))
    if seen.words is None:
        raise PrerequisiteFailed("force-luns-unread", partition=migration.partition_name)
    if Word.THEIRS in seen.words:
        remote = migration.remote.name
        raise PrerequisiteFailed("force-luns-theirs", partition=migration.partition_name, remote=remote)
    needed = FACTS_NEEDED.get((act, Role(migration.role)), _("a partition that does not run here"))
    raise PrerequisiteFailed("force-wrong-fact", fact=seen.fact.value, needed=needed, **names)


def cannot_yield(migration: Migration, answer: Answer) -> PrerequisiteFailed:
    """Either the partner has not got it, or what it holds there is older than what ran here."""
    names = {"remote": migration.remote.name, "partition": migration.partition_name, "fact": answer.fact.value}
    if may_yield(migration.record, replace(answer, fact=Fact.DEAD)):
        return PrerequisiteFailed("force-yield-image", **names)
    return PrerequisiteFailed("force-no-conflict", state=answer.state.value, **names)


# What is seen, written and done


def see(migration: Migration, answer: Answer | None) -> Seen:
    """As any look, and the owner words also where the hypervisor has no definition of the partition."""
    seen = look(migration, answer)
    return replace(seen, words=words_on_the_luns(migration)) if seen.fact is Fact.NONE else seen


def words_on_the_luns(migration: Migration) -> frozenset[Word] | None:
    """None where one of them can't be read."""
    if migration.partition is None:
        return None
    try:
        luns = system.hypervisor().look_at_luns(system.definition_of(migration.partition).luns)
    except HypervisorError:
        return None
    return None if any(lun.owner is None for lun in luns) else frozenset(word_of(lun, migration) for lun in luns)


def word_of(lun: LunFacts, migration: Migration) -> Word:
    assert lun.owner is not None  # noqa: S101 (words_on_the_luns has looked)
    return classify(lun.owner, migration, own_identity())


def write(migration: Migration, act: Act, seen: Seen, user: str) -> bool:
    state = FORCES[act][State(migration.state)]
    change = ROLES[Role(migration.role)].entering(migration, state, seen)
    names = {"user": user, "remote": migration.remote.name, "act": act.value}
    text = Sentence(ORDERED.get(act, SILENCE), names)
    return journal.force(migration, act, text, also=change.also, **change.fields)


def go_on(migration: Migration, act: Act, patience: Patience) -> str:
    try:
        reason = recovery.recover(migration, "Recover", patience)
    except Fenced:
        reason = None
    migration.refresh_from_db()
    outcome = str(AT_WORK) if reason is None else after_recover(migration, reason)
    runs = act in STARTS and look(migration, None).fact is Fact.RUN
    return f"{fill(STARTS[act], migration)} {outcome}" if runs else outcome
