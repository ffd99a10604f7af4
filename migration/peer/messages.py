"""The JSON that two consoles exchange; docs/peer-api.md has their order and meaning.

Everything is bounded before it is believed: lengths, counts and ranges stand here and nowhere else. Unknown fields
are refused, so that two versions that differ notice it. Decimals travel as strings.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from migration.mover.convergence import Outlook
from migration.states import DESTINATION_STATES, SOURCE_STATES, Fact, Role, State

PROTOCOL_VERSION = 11

FINGERPRINT = r"^([0-9A-F]{2}(:[0-9A-F]{2}){31})?$"  # SHA-256
# No control characters: what arrives is logged, printed and stored.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
LARGEST = 2**63 - 1  # a database column's
LONGEST_TEXT = 255
LONGEST_LINE = 1024
MOST_PARTITIONS = 4096
KNOWN_MIGRATIONS = 1000  # the latest with one remote system
JOURNAL_LINES = 50  # the latest of a journal

Name = Annotated[str, Field(min_length=1, max_length=31, pattern=PRINTABLE)]
ShortText = Annotated[str, Field(max_length=64, pattern=PRINTABLE)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=PRINTABLE)]
UserName = Annotated[str, Field(max_length=150, pattern=PRINTABLE)]
Identity = Annotated[str, Field(min_length=1, max_length=40, pattern=PRINTABLE)]
DeviceName = Annotated[str, Field(min_length=1, max_length=15, pattern=PRINTABLE)]
Units = Annotated[Decimal, Field(gt=0, le=4096, max_digits=8, decimal_places=2)]
Megabytes = Annotated[int, Field(gt=0, le=64 * 1024 * 1024)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Incarnation = Annotated[str, Field(min_length=1, max_length=36, pattern=r"^[A-Za-z0-9-]*$")]  # of a database
Seconds = Annotated[float, Field(ge=0, le=1e11)]  # since 1970
Slot = Annotated[int, Field(ge=0, le=65535)]


def as_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Any text as it may travel: within its bounds, on one line."""
    return "".join(character if character.isprintable() else " " for character in text)[:longest]


def as_params(params: Mapping[str, str | int | float]) -> dict[str, str | int | float]:
    return {name: as_text(value) if isinstance(value, str) else value for name, value in params.items()}


def known_state(value: str) -> str:
    return State(value).value


def known_fact(value: str) -> str:
    return Fact(value).value


def known_outlook(value: str) -> str:
    return Outlook(value).value


StateName = Annotated[str, AfterValidator(known_state), WithJsonSchema({"type": "string", "enum": list(State)})]
FactName = Annotated[str, AfterValidator(known_fact), WithJsonSchema({"type": "string", "enum": list(Fact)})]
Plain = Text | Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | float
Params = Annotated[dict[ShortText, Plain], Field(max_length=16)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Hello(Body):
    """Who a console is and what it speaks."""

    protocol: Count
    stream_version: ShortText  # of its hypervisor; equal on both sides of an active move
    host_name: Annotated[str, Field(min_length=1, max_length=63, pattern=PRINTABLE)]
    system_name: ShortText
    system_identity: Identity  # type-model*serial
    fingerprint: Annotated[str, Field(pattern=FINGERPRINT)] = ""  # of its certificate; empty where it can't read that


class TokenRequest(Body):
    user: Annotated[UserName, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]
    system_identity: Identity  # of the console that asks


class TokenAnswer(Body):
    token: Annotated[str, Field(min_length=32, max_length=128, pattern=r"^[A-Za-z0-9_-]*$")]
    expires_in_s: Count
    may_change: bool
    hello: Hello


class KeyRequest(Body):
    """Let a user in by this key from now on, for the user's password."""

    user: Annotated[UserName, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]
    key: Annotated[str, Field(min_length=1, max_length=1024, pattern=PRINTABLE)]  # a line as in an OpenSSH key file


class Challenge(Body):
    """What a key has to sign to log in; good for a minute."""

    challenge: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9_=-]*$")]
    system_identity: Identity  # of the console that gives it


class KeyTokenRequest(Body):
    """Log in for a mobility token by a key that the user has let in."""

    user: Annotated[UserName, Field(min_length=1)]
    system_identity: Identity  # of the console that asks
    partner_identity: Identity  # of the one that is asked
    challenge: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9_=-]*$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # Ed25519
    signature: Annotated[str, Field(pattern=r"^([0-9a-f]{128})?$")]


class TicketRequest(Body):
    """For a migration that waits in the source's queue."""

    system_identity: Identity  # of the console that asks


class Disk(Body):
    unique_id: Annotated[ShortText, Field(min_length=1)]  # the LUN, whatever its hdisk is called
    size_mb: Count
    lun_number: Annotated[int, Field(ge=0x81, le=0xFF)]
    name: DeviceName  # vtscsi at the source; kept if free
    is_user_defined: bool
    reserve_policy: ShortText
    hdisk: ShortText = ""  # the source's name of the LUN, for people; empty in a record of an older version


class Drive(Body):
    """An optical drive; the destination loads a medium of its own with the same content."""

    lun_number: Annotated[int, Field(ge=0x81, le=0xFF)]
    name: DeviceName  # vtopt at the source; kept if free
    is_user_defined: bool
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]  # of the medium; empty: none is loaded
    medium: ShortText  # what the source calls it


class Adapter(Body):
    """A vhost of the source with its disks."""

    name: DeviceName
    slot: Slot
    client_slot: Slot
    disks: Annotated[tuple[Disk, ...], Field(max_length=127)]
    drives: Annotated[tuple[Drive, ...], Field(max_length=127)] = ()  # not in an older record


class Ethernet(Body):
    slot: Slot
    vlan_id: Annotated[int, Field(ge=1, le=4094)]
    mac_address: Annotated[str, Field(pattern=r"^[0-9A-F]{12}$")]


IN_ORDER = (
    ("memory_minimum_mb", "memory_mb", "memory_maximum_mb"),
    ("processing_units_minimum", "processing_units", "processing_units_maximum"),
    ("virtual_processors_minimum", "virtual_processors", "virtual_processors_maximum"),
)


class Configuration(Body):
    """A partition with its one profile, as the destination must make it."""

    uuid: UUID
    lpar_id: Annotated[int, Field(ge=1, le=65535)]
    name: Name
    environment: ShortText
    memory_minimum_mb: Megabytes
    memory_mb: Megabytes
    memory_maximum_mb: Megabytes
    processor_mode: ShortText
    processing_units_minimum: Units
    processing_units: Units
    processing_units_maximum: Units
    virtual_processors_minimum: Annotated[int, Field(ge=1, le=1024)]
    virtual_processors: Annotated[int, Field(ge=1, le=1024)]
    virtual_processors_maximum: Annotated[int, Field(ge=1, le=1024)]
    uncapped_weight: Annotated[int, Field(ge=0, le=255)]
    compatibility_mode: ShortText
    current_compatibility_mode: ShortText  # empty while it is off
    os_version: ShortText
    rmc_state: ShortText
    auto_start: bool
    ever_activated: bool
    max_virtual_slots: Annotated[int, Field(ge=1, le=65535)]
    workload_bytes_per_s: Count
    workload_set_mb: Count
    memory_region_mb: Megabytes  # of the source server
    boot_from: ShortText = "default"  # decides the machine, so the image fits no other; not in an older record
    adapters: Annotated[tuple[Adapter, ...], Field(max_length=64)]
    ethernets: Annotated[tuple[Ethernet, ...], Field(max_length=64)]

    @model_validator(mode="after")
    def is_in_order(self) -> Self:
        for names in IN_ORDER:
            minimum, desired, maximum = (getattr(self, name) for name in names)
            if not minimum <= desired <= maximum:
                raise ValueError(f"{names[1]} is not between its minimum and maximum")
        return self

    @model_validator(mode="after")
    def names_each_thing_once(self) -> Self:
        disks = [disk for adapter in self.adapters for disk in adapter.disks]
        refuse_twice("LUN", [disk.unique_id for disk in disks])
        drives = [drive for adapter in self.adapters for drive in adapter.drives]
        names = [disk.name for disk in disks] + [drive.name for drive in drives]
        refuse_twice("virtual target device", names)
        refuse_twice("adapter", [adapter.name for adapter in self.adapters])
        refuse_twice("slot of the management partition", [adapter.slot for adapter in self.adapters])
        refuse_twice("client slot", [adapter.client_slot for adapter in self.adapters])
        refuse_twice("Ethernet slot", [ethernet.slot for ethernet in self.ethernets])
        refuse_twice("MAC address", [ethernet.mac_address for ethernet in self.ethernets])
        for adapter in self.adapters:
            numbers = [disk.lun_number for disk in adapter.disks] + [drive.lun_number for drive in adapter.drives]
            refuse_twice("LUN number", numbers)
        return self


def refuse_twice(what: str, values: Sequence[object]) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"a {what} is named twice")


class SlotWish(Body):
    client_slot: Slot
    slot: Slot  # of the management partition


class PlacementWish(Body):
    """The partition ID and slots that the one who migrates wants exactly; nothing: the destination chooses."""

    lpar_id: Annotated[int, Field(ge=1, le=65535)] | None = None
    slots: Annotated[tuple[SlotWish, ...], Field(max_length=64)] = ()

    @model_validator(mode="after")
    def names_each_slot_once(self) -> Self:
        refuse_twice("client slot", [wish.client_slot for wish in self.slots])
        refuse_twice("slot of the management partition", [wish.slot for wish in self.slots])
        return self


NO_WISH = PlacementWish()


class ValidateRequest(Body):
    """Ask the destination for its checks; changes nothing there."""

    hello: Hello  # of the source
    inactive: bool
    configuration: Configuration
    placement: PlacementWish = NO_WISH
    clock: Seconds  # the source's, for one warning; nothing else ever looks at it


class FindingBody(Body):
    check_name: ShortText
    outcome: Literal["passed", "warning", "failed", "not applicable"]
    measured: Text = ""
    limit: Text = ""
    message_key: ShortText = ""
    message_params: Params = {}


class MoverAddress(Body):
    """Where the destination's mover would wait."""

    host: Annotated[Text, Field(min_length=1)]
    port: Annotated[int, Field(ge=0, le=65535)]  # 0: any free port


class ValidateAnswer(Body):
    hello: Hello
    mover: MoverAddress
    findings: Annotated[tuple[FindingBody, ...], Field(max_length=200)]


class PrepareRequest(Body):
    """Make everything the partition needs; authorised by the token, sent again until answered."""

    migration_id: UUID
    hello: Hello
    inactive: bool
    secret: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # per-migration key, made by the source
    remote_user: UserName
    user: UserName  # at the source, for the destination's audit
    incarnation: Incarnation | Literal[""] = ""  # of the source's database
    configuration: Configuration
    placement: PlacementWish = NO_WISH


class Mover(Body):
    """Where the destination's mover waits."""

    host: Annotated[Text, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)]
    fingerprint: Annotated[str, Field(pattern=r"^[0-9A-Fa-f:]{64,95}$")]


class Cause(Body):
    """Why a side ended the migration, as its own pages say it."""

    key: ShortText
    code: ShortText
    text: Annotated[str, Field(max_length=LONGEST_LINE, pattern=PRINTABLE)]


class Told(Body):
    """One side tells its durable state and asks for the other's: commit, abort, complete, query in one message."""

    migration_id: UUID
    role: Literal["source", "destination"]
    state: StateName
    fact: FactName
    forced: bool = False
    incarnation: Incarnation  # of the sender's database
    knows: Incarnation | Literal[""] = ""  # the newest one of the receiver's that the sender has on record
    sequence: Count
    digest: ShortText = ""
    stopped: bool = False  # source: Stop was pressed in time
    waits_for_operator: bool = False  # nobody else can know how to go on
    cause: Cause | None = None
    passes: Count = 0
    bytes_transmitted: Count = 0
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    bytes_remaining: Count = 0
    dirty_bytes_per_s: Count = 0

    @model_validator(mode="after")
    def has_a_state_of_its_role(self) -> Self:
        states = SOURCE_STATES if Role(self.role) is Role.SOURCE else DESTINATION_STATES
        if self.state not in states:
            raise ValueError(f"a {self.role} is never {self.state}")
        return self


class Answered(Body):
    """The answer to `Told`, and to `prepare`."""

    state: StateName
    fact: FactName
    forced: bool = False
    incarnation: Incarnation  # of the sender's database
    knows: Incarnation | Literal[""] = ""  # the newest one of the receiver's that the sender has on record
    digest: ShortText = ""
    lpar_id: Annotated[int, Field(ge=0, le=65535)] = 0  # destination: the partition's ID there
    mover: Mover | None = None  # destination, active: once its incoming hypervisor stands
    suspension_ms: Annotated[float, Field(ge=0)] | None = None  # destination: gap that the partition felt
    stopped: bool = False  # source: Stop was pressed in time
    waits_for_operator: bool = False  # nobody else can know how to go on
    cause: Cause | None = None
    passes: Count = 0
    bytes_transmitted: Count = 0
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    bytes_remaining: Count = 0
    dirty_bytes_per_s: Count = 0


class TransferProgress(Body):
    """How far the source's mover is, which alone knows what the partition has written again. Nothing follows."""

    migration_id: UUID
    role: Literal["source", "destination"]
    percent: Annotated[int, Field(ge=0, le=99)]
    passes: Count
    bytes_transmitted: Count
    bytes_remaining: Count
    dirty_bytes_per_s: Count
    seconds_left: Annotated[float, Field(ge=0, le=1e11)] | None
    outlook: Annotated[str, AfterValidator(known_outlook), WithJsonSchema({"type": "string", "enum": list(Outlook)})]


class TurnRequest(Body):
    """The source asks whether it may suspend now: one partition at a time on a link. Sent again, it begins anew."""

    migration_id: UUID
    role: Literal["source", "destination"]


class TurnAnswer(Body):
    granted: bool


class JournalRequest(Body):
    """One side asks for the other's journal, and its state without telling its own. For people; nothing follows."""

    migration_id: UUID
    role: Literal["source", "destination"]  # of who asks
    sequence: Count


class HistoryLine(Body):
    time: Seconds  # by the clock of the console that wrote it
    from_state: StateName | Literal[""] = ""
    to_state: StateName | Literal[""] = ""
    text: Annotated[str, Field(max_length=LONGEST_LINE, pattern=PRINTABLE)] = ""


class JournalAnswer(Body):
    now: Answered
    clock: Seconds  # of the console that answers, so that both journals can stand on one time line
    lines: Annotated[tuple[HistoryLine, ...], Field(max_length=JOURNAL_LINES)]  # oldest first
    left_out: Count = 0  # older ones


class OpenQuestion(Body):
    """A console whose database was restored asks what it should know of; signed as questions.py says."""

    system: Identity  # who asks
    partner_system: Identity  # who is asked
    incarnation: Incarnation  # the new one of who asks
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    lost: UUID | None = None  # of one migration all that is needed to have its record again
    certificate: Annotated[str, Field(max_length=8192, pattern=r"^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n-]*")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    key_signature: Annotated[str, Field(pattern=r"^[0-9a-f]*$", max_length=1024)]
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]*$", max_length=128)]


class KnownMigration(Body):
    """Open, or closed lately, on the console that answers."""

    migration_id: UUID
    role: Literal["source", "destination"]  # of the console that answers
    state: StateName
    partition_uuid: UUID
    partition_name: Name


class LostMigration(Body):
    """One that the console that asks has lost, as it is on the console that answers."""

    known: KnownMigration
    migration_type: Literal["active", "inactive"]
    lpar_id: Slot  # on the console that answers
    remote_lpar_id: Slot  # on the one that asks; 0 where it was not told
    secret: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]  # empty once both sides were final
    user: UserName
    remote_user: UserName
    configuration: Configuration | None  # None where it is not on record


class OpenAnswer(Body):
    migrations: Annotated[tuple[KnownMigration, ...], Field(max_length=KNOWN_MIGRATIONS)]  # newest first
    present: Annotated[tuple[UUID, ...], Field(max_length=MOST_PARTITIONS)] = ()  # partitions that it has
    on_record: Annotated[tuple[UUID, ...], Field(max_length=MOST_PARTITIONS)] = ()  # whoever has them
    lost: LostMigration | None = None


class Refused(Body):
    """Every answer that is not 2xx; the same code as pages and commands print."""

    code: ShortText
    message: Annotated[str, Field(max_length=1024, pattern=PRINTABLE)]
    key: ShortText
    params: Params = {}
