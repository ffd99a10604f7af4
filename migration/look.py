"""One look at what is so now: own hypervisor and owner words, as the state machine's plain values."""

from ivmweb.common.errors import HypervisorError
from ivmweb.common.sentence import NOTHING_SAID, Sentence
from ivmweb.hypervisor.base import Hypervisor, OwnerState, OwnerWord, PartitionFacts, Phase, RunState
from ivmweb.system import services as system
from migration.models import Migration
from migration.peer.local import own_identity
from migration.states import Answer, Fact, Seen, Word

FREE = OwnerWord()
STREAM_IS_OPEN = frozenset({Phase.SETUP, Phase.ACTIVE, Phase.PASS_END, Phase.DEVICE})
SOURCE_FACTS = {
    RunState.NOT_ACTIVATED: Fact.DEAD,
    RunState.SUSPENDED: Fact.HELD,
    RunState.COMPLETED: Fact.PARKED,
}
DESTINATION_FACTS = {
    RunState.NOT_ACTIVATED: Fact.DEAD,
    RunState.FAILED_INCOMING: Fact.DEAD,
    RunState.INCOMING: Fact.INCOMING,
    RunState.LOADED: Fact.LOADED,
}


def look(migration: Migration, partner: Answer | None, *, working: bool = False, expired: bool = False) -> Seen:
    """Never raises: a hypervisor that does not answer is a fact of its own."""
    hypervisor = system.hypervisor()
    trouble = NOTHING_SAID
    try:
        fact = fact_of(hypervisor, migration)
        words = words_of(hypervisor, migration) if fact is not Fact.NONE else None
    except HypervisorError as exc:
        fact, words, trouble = Fact.UNKNOWN, None, Sentence.of(exc)
    return Seen(fact=fact, words=words, partner=partner, working=working, expired=expired, trouble=trouble)


def fact_of(hypervisor: Hypervisor, migration: Migration) -> Fact:
    """Raises HypervisorError."""
    facts = hypervisor.describe(migration.lpar_id)
    if facts is None or facts.uuid != str(migration.partition_uuid):
        return Fact.NONE
    if not migration.is_source:
        return DESTINATION_FACTS.get(facts.run_state, Fact.RUN)
    fact = SOURCE_FACTS.get(facts.run_state, Fact.RUN)
    if fact is Fact.RUN and stream_is_open(hypervisor, migration, facts):
        return Fact.ACTIVE
    return fact


def stream_is_open(hypervisor: Hypervisor, migration: Migration, facts: PartitionFacts) -> bool:
    if facts.migration_id != str(migration.pk):
        return False
    return hypervisor.wait_transfer(migration.lpar_id, -1, 0).phase in STREAM_IS_OPEN


def words_of(hypervisor: Hypervisor, migration: Migration) -> frozenset[Word]:
    """Raises HypervisorError."""
    here = own_identity()
    return frozenset(classify(word, migration, here) for word in hypervisor.owner_words(migration.lpar_id))


def classify(word: OwnerWord, migration: Migration, here: str) -> Word:
    if word.state is OwnerState.OFFERED:
        return Word.OFFERED if word.migration_id == str(migration.pk) else Word.THEIRS
    return Word.MINE if word.is_free or word.system == here else Word.THEIRS


def owned_by(system_identity: str, migration: Migration) -> OwnerWord:
    return OwnerWord(partition_uuid=str(migration.partition_uuid), system=system_identity)


def offered_by(system_identity: str, migration: Migration) -> OwnerWord:
    return OwnerWord(
        partition_uuid=str(migration.partition_uuid),
        system=system_identity,
        migration_id=str(migration.pk),
        state=OwnerState.OFFERED,
    )
