"""The JSON that two consoles exchange; docs/peer-api.md has their order and meaning.

Everything is bounded before it is believed: lengths, counts and ranges stand here and nowhere else. Unknown fields
are refused, so that two versions that differ notice it. Decimals travel as strings.
"""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

PROTOCOL_VERSION = 1

Name = Annotated[str, Field(min_length=1, max_length=31)]
ShortText = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=255)]
Identity = Annotated[str, Field(min_length=1, max_length=40)]
Units = Annotated[Decimal, Field(gt=0, le=4096, max_digits=8, decimal_places=2)]
Megabytes = Annotated[int, Field(gt=0, le=64 * 1024 * 1024)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(Body):
    """Who a console is and what it speaks."""

    protocol: int
    stream_version: ShortText  # of its hypervisor; equal on both sides of an active move
    host_name: Name
    system_name: ShortText
    system_identity: Identity  # type-model*serial


class TokenRequest(Body):
    user: Annotated[str, Field(min_length=1, max_length=150)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]
    system_identity: Identity  # of the console that asks


class TokenAnswer(Body):
    token: Annotated[str, Field(min_length=32, max_length=128)]
    expires_in_s: int
    may_change: bool
    hello: Hello


class Disk(Body):
    unique_id: Annotated[str, Field(min_length=1, max_length=64)]  # the LUN, whatever its hdisk is called
    size_mb: int
    lun_number: Annotated[int, Field(ge=0x81, le=0xFF)]
    name: Annotated[str, Field(min_length=1, max_length=15)]  # vtscsi at the source; kept if free
    is_user_defined: bool
    reserve_policy: ShortText


class Adapter(Body):
    """A vhost of the source with its disks."""

    name: Annotated[str, Field(min_length=1, max_length=15)]
    slot: Annotated[int, Field(ge=0, le=65535)]
    client_slot: Annotated[int, Field(ge=0, le=65535)]
    disks: Annotated[tuple[Disk, ...], Field(max_length=127)]


class Ethernet(Body):
    slot: Annotated[int, Field(ge=0, le=65535)]
    vlan_id: Annotated[int, Field(ge=1, le=4094)]
    mac_address: Annotated[str, Field(pattern=r"^[0-9A-F]{12}$")]


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
    os_version: ShortText
    rmc_state: ShortText
    auto_start: bool
    ever_activated: bool
    max_virtual_slots: Annotated[int, Field(ge=1, le=65535)]
    workload_bytes_per_s: Annotated[int, Field(ge=0)]
    workload_set_mb: Annotated[int, Field(ge=0)]
    memory_region_mb: Megabytes  # of the source server
    adapters: Annotated[tuple[Adapter, ...], Field(max_length=64)]
    ethernets: Annotated[tuple[Ethernet, ...], Field(max_length=64)]


class ValidateRequest(Body):
    """Ask the destination for its checks; changes nothing there."""

    hello: Hello  # of the source
    inactive: bool
    configuration: Configuration


class FindingBody(Body):
    check_name: ShortText
    outcome: Literal["passed", "warning", "failed", "not applicable"]
    measured: Text = ""
    limit: Text = ""
    message_key: ShortText = ""
    message_params: Annotated[dict[ShortText, str | int | float], Field(max_length=16)] = {}


class ValidateAnswer(Body):
    hello: Hello
    findings: Annotated[tuple[FindingBody, ...], Field(max_length=200)]


class PrepareRequest(Body):
    """Make everything the partition needs; authorised by the token, sent again until answered."""

    migration_id: UUID
    hello: Hello
    inactive: bool
    secret: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # per-migration key, made by the source
    remote_user: Annotated[str, Field(max_length=150)]
    user: Annotated[str, Field(max_length=150)]  # at the source, for the destination's audit
    configuration: Configuration


class Mover(Body):
    """Where the destination's mover waits."""

    host: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)]
    fingerprint: Annotated[str, Field(min_length=95, max_length=95)]


class Told(Body):
    """One side tells its durable state and asks for the other's: commit, abort, complete, query in one message."""

    migration_id: UUID
    role: Literal["source", "destination"]
    state: ShortText
    fact: ShortText
    forced: bool = False
    incarnation: Annotated[str, Field(max_length=36)]
    sequence: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(max_length=64)] = ""
    stop: bool = False  # destination: an operator asks the source to stop


class Answered(Body):
    """The answer to `Told`, and to `prepare`."""

    state: ShortText
    fact: ShortText
    forced: bool = False
    incarnation: Annotated[str, Field(max_length=36)]
    digest: Annotated[str, Field(max_length=64)] = ""
    lpar_id: Annotated[int, Field(ge=0, le=65535)] = 0  # destination: the partition's ID there
    mover: Mover | None = None  # destination, active: once its incoming hypervisor stands
    suspension_ms: float | None = None  # destination: gap that the partition felt


class Refused(Body):
    """Every answer that is not 2xx; the same code as pages and commands print."""

    code: ShortText
    message: Annotated[str, Field(max_length=1024)]
    key: ShortText
    params: Annotated[dict[ShortText, str | int | float], Field(max_length=16)] = {}
