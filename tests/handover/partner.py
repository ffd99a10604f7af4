"""uli14's console as a script: it keeps what it was told, follows the protocol, and does what a test wants."""

from ivmweb.common.errors import PeerError
from ivmweb.lab import data
from ivmweb.system.keys import line_of
from migration.peer.messages import (
    PROTOCOL_VERSION,
    Answered,
    Hello,
    Mover,
    MoverAddress,
    TokenAnswer,
    ValidateAnswer,
)
from migration.states import Fact, State

TOKEN = "a token of uli14, thirty-two characters and more"
FOLLOWS = {
    # As destination: what is told, what it was, what it is then.
    ("aborting", "prepared"): State.DECLINED,
    ("aborting", "loaded"): State.DECLINED,
    ("surrendered", "loaded"): State.STARTED,
    ("completing", "loaded"): State.STARTED,
    ("closed, moved", "started"): State.CLOSED_MOVED,
    # As source:
    ("started", "surrendered"): State.CLOSED_MOVED,
    ("started", "completing"): State.CLOSED_MOVED,
    ("declined", "aborting"): State.CLOSED_KEPT,
    ("declined", "surrendered"): State.CLOSED_KEPT,
}


class ScriptedPartner:
    def __init__(self):
        self.state = State.PREPARED
        self.fact = Fact.UNKNOWN
        self.fields = {}  # of its next answers: digest, suspension_ms, ...
        self.is_silent = False
        self.incarnation = "uli14"  # of its database
        self.told = []  # messages, oldest first
        self.progress = []  # figures of the transfer it was told
        self.prepared = []  # requests
        self.lets_in = []  # public keys
        self.tokens = []  # (user, password) it was asked for
        self.logged_out = []  # tokens
        self.tickets = []  # (token, migration) it was asked for
        self.bearers = []  # tokens that came with validate and prepare
        self.turns = []  # what it answers to the next requests for a turn; then yes
        self.asked_turns = []  # migrations for which it was asked for a turn
        self.before = []  # what a rival does before the next answers

    def hear(self, told):
        self.answer_or_not()
        self.told.append(told)
        inactive = self.state is State.PREPARED and told.state == State.SURRENDERED
        self.state = State.STARTED if inactive else FOLLOWS.get((told.state, self.state.value), self.state)
        return self.answer(knows=told.incarnation)

    def answer(self, **fields):
        return Answered(state=self.state, fact=self.fact, incarnation=self.incarnation, **(self.fields | fields))

    def answer_or_not(self):
        if self.before:
            self.before.pop(0)()
        if self.is_silent:
            raise PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="10")

    @property
    def heard(self):
        """The states it was told."""
        return [told.state for told in self.told]


class ScriptedClient:
    """In PeerClient's place."""

    patience = None

    def __init__(self, partner, remote=None):
        self.partner, self.remote = partner, remote

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def hello(self):
        self.partner.answer_or_not()
        return hello_of(data.ULI14)

    def token(self, user, password):
        self.partner.tokens.append((user, password))
        return TokenAnswer(token="x" * 43, expires_in_s=900, may_change=True, hello=self.hello())

    def token_by_key(self, user, key):
        if line_of(key.public_key()) not in self.partner.lets_in:
            said = {"remote_code": "9338", "remote_message": "-", "remote_key": "peer-key-refused"}
            raise PeerError("peer-refused", permanent=True, remote="uli14", status=401, **said)
        return TokenAnswer(token="k" * 43, expires_in_s=900, may_change=True, hello=self.hello())

    def log_out(self, token):
        self.partner.answer_or_not()
        self.partner.logged_out.append(token)

    def ticket(self, token, migration_id):
        self.partner.answer_or_not()
        self.partner.tickets.append((token, migration_id))
        return f"a ticket for {migration_id}"

    def validate(self, token, request):
        self.partner.bearers.append(token)
        return ValidateAnswer(hello=self.hello(), mover=MoverAddress(host="127.0.0.1", port=0), findings=())

    def tell_progress(self, secret, progress):
        self.partner.progress.append(progress)

    def prepare(self, token, request):
        self.partner.answer_or_not()
        self.partner.bearers.append(token)
        self.partner.prepared.append(request)
        mover = None if request.inactive else Mover(host="127.0.0.1", port=9, fingerprint="AA" * 32)
        if request.inactive:
            self.partner.fact = Fact.DEAD  # defined there, and off
        return self.partner.answer(mover=mover, lpar_id=5, knows=request.incarnation)

    def turn(self, secret, request, answer_s):
        self.partner.asked_turns.append(request.migration_id)
        said = self.partner.turns.pop(0) if self.partner.turns else True
        if isinstance(said, Exception):
            raise said
        return said

    def tell(self, secret, told, *, token=""):
        return self.partner.hear(told)


def hello_of(system):
    return Hello(
        protocol=PROTOCOL_VERSION,
        stream_version="scripted 1",
        host_name=system.host_name,
        system_name=system.name,
        system_identity=system.identity,
    )
