"""Peers and trust, numbered from 9300."""

from ivmweb.common.errors import Message

MESSAGES = {
    # What a user meets who asks another console.
    "peer-unreachable": Message(
        "VIOSE01049000-9300",
        "The console of {remote} at {address} can't be reached: {reason}. "
        "Check that it runs and that the network between the two consoles works, then try again.",
    ),
    "peer-timeout": Message(
        "VIOSE01049000-9301",
        "The console of {remote} at {address} did not answer within {timeout_s} s. "
        "Check that it runs, that its server is not overloaded, and that the network between the two consoles works; "
        "then try again.",
    ),
    "peer-connection-lost": Message(
        "VIOSE01049000-9302",
        "The connection to the console of {remote} at {address} was lost before the answer came: {reason}. "
        "Try again.",
    ),
    "peer-certificate-changed": Message(
        "VIOSE01049000-9303",
        "The console at {address} shows another certificate than the one confirmed for {remote}: "
        "fingerprint {new}, confirmed was {old}. If the administrator of {remote} says that its certificate was "
        "replaced, compare the new fingerprint with them and confirm it for the remote system {remote} "
        "(IVM Management > Remote Systems, Re-pin); otherwise somebody else answers at that address.",
    ),
    "peer-certificate-refused": Message(
        "VIOSE01049000-9304",
        "The certificate of {remote} at {address} can't be used: {reason}. Replace it on {remote}, then confirm the "
        "new fingerprint here.",
    ),
    "peer-secret-unreadable": Message(
        "VIOSE01049000-9317",
        "A secret that this console keeps for a migration can't be read: IVM_SECRET_KEY is not the one under which "
        "it was written, so no message to the other console can be signed, and none of its messages can be checked. "
        "Set IVM_SECRET_KEY of this console back to what it was, and start the console again.",
    ),
    "peer-refused": Message("VIOSE01049000-9305", "{remote} says: [{remote_code}] {remote_message}"),
    "peer-wrong-password": Message(
        "VIOSE01049000-9306",
        "User {user} can't log in to {remote}: the user ID is unknown there or the password is wrong. "
        "Type both again as they are on {remote}.",
    ),
    "peer-locked-out": Message(
        "VIOSE01049000-9307",
        "User {user} is locked out of {remote} after too many failed attempts. Wait {minutes} min, or let an "
        "administrator of {remote} unlock the user.",
    ),
    "peer-answer-malformed": Message(
        "VIOSE01049000-9308",
        "The console of {remote} gave an answer that can't be used: {detail}. Check that an ivmweb console of the "
        "same version runs at its address.",
    ),
    "peer-protocol-differs": Message(
        "VIOSE01049000-9309",
        "The console of {remote} speaks version {theirs} of the peer protocol, this one speaks version {ours}. "
        "Bring both consoles to the same version.",
    ),
    "peer-identity-changed": Message(
        "VIOSE01049000-9310",
        "The console of {remote} manages system {found}; the entry {remote} is of system {known}. "
        "Remove that remote system and add it again (IVM Management > Remote Systems) if the server was replaced.",
    ),
    # What a user typed as Remote IVM or HMC.
    "remote-empty": Message(
        "VIOSE01049000-9311",
        "Remote IVM or HMC is empty. Type the host name or address of the destination's console.",
    ),
    "remote-unknown": Message(
        "VIOSE01049000-9312",
        "{typed} is not a remote system of this console. Known are: {known}. "
        "Type one of these, or add it in IVM Management > Remote Systems.",
    ),
    "remote-none-known": Message(
        "VIOSE01049000-9316",
        "{typed} is not a remote system of this console. No remote system is known; add one in IVM Management > "
        "Remote Systems.",
    ),
    "remote-is-system-name": Message(
        "VIOSE01049000-9313",
        "{typed} is the name of a managed system; Remote IVM or HMC takes the host name of its console. "
        "Type {host_name}.",
    ),
    "remote-is-itself": Message(
        "VIOSE01049000-9314",
        "{typed} is this console itself. A partition can't be migrated to the system it is on; type another system's "
        "console. Known are: {known}.",
    ),
    "remote-ambiguous": Message(
        "VIOSE01049000-9315",
        "{typed} may mean more than one console, this one included: {matches}. Type the host name, "
        "or the address with its port.",
    ),
    # What a console answers to another one.
    "peer-token-missing": Message(
        "VIOSE01049000-9320", "The request carries no mobility token. Log in with user ID and password first."
    ),
    "peer-token-unknown": Message(
        "VIOSE01049000-9321", "The mobility token is not valid any more. Type the password of the remote user again."
    ),
    "peer-token-expired": Message(
        "VIOSE01049000-9322",
        "The mobility token of user {user} has expired. Type the password of the remote user again.",
    ),
    "peer-token-of-another": Message(
        "VIOSE01049000-9323",
        "The mobility token was given to system {issued_to} and is used by system {used_by}. "
        "Log in from the system that wants to migrate.",
    ),
    "peer-view-only": Message(
        "VIOSE01049000-9324",
        "User {user} of {remote} may look at things and change nothing. "
        "Use a remote user that may migrate, or have one with the role View/Modify created on {remote} "
        "(View/Modify User Accounts there).",
    ),
    "peer-too-many-notes": Message(
        "VIOSE01049000-9318",
        "{remote} keeps {most} notes about migrations that ended before it knew of them, and takes no more of user "
        "{user} of system {system_identity} now. They are kept for 30 days. Type the password of the remote user "
        "again, or wait.",
    ),
    "peer-source-unknown": Message(
        "VIOSE01049000-9325",
        "{remote} does not know the system {system_identity} of {host_name} as a remote system, so it could not ask "
        "it back. Add {host_name} to the remote systems of {remote} (IVM Management > Remote Systems there) and "
        "confirm its fingerprint.",
    ),
    "peer-source-certificate": Message(
        "VIOSE01049000-9363",
        "{host_name} shows another certificate than the one confirmed for it on {remote}: fingerprint {shown}, "
        "confirmed was {confirmed}. {remote} could not ask it back. Where the certificate was replaced, confirm the "
        "new one on {remote} (IVM Management > Remote Systems there, Re-pin).",
    ),
    "peer-is-itself": Message(
        "VIOSE01049000-9326",
        "The request comes from system {system_identity}, which is the system of {remote} itself. "
        "Choose another system as the destination.",
    ),
    "peer-signature-wrong": Message(
        "VIOSE01049000-9327",
        "The message about migration {migration_id} is not signed with the secret of that migration. "
        "It was not read; check the remote systems of both consoles.",
    ),
    "peer-role-wrong": Message(
        "VIOSE01049000-9328",
        "The message about migration {migration_id} speaks as its {role}, which is {remote} itself. It was not "
        "read. If that comes again, look at the log of both consoles.",
    ),
    "peer-migration-differs": Message(
        "VIOSE01049000-9329",
        "The message names migration {named} and was sent for migration {addressed}. It was not read. If that comes "
        "again, look at the log of both consoles.",
    ),
    "peer-migration-unknown": Message(
        "VIOSE01049000-9330",
        "This console has no migration {migration}. Its records may have been restored from a backup; "
        "look at the partition on both consoles before recovering it.",
    ),
    "peer-not-json": Message("VIOSE01049000-9331", "The request is not JSON. Send a message of the peer API."),
    "peer-request-invalid": Message(
        "VIOSE01049000-9332",
        "The request is not a message of peer protocol version {protocol}: {detail}. "
        "Check that both consoles have the same version.",
    ),
    "peer-request-too-large": Message(
        "VIOSE01049000-9333", "The request has {size} bytes; {limit} bytes is the most. Send less."
    ),
    "peer-length-missing": Message(
        "VIOSE01049000-9334", "The request does not say its length. Send a Content-Length header."
    ),
    "peer-not-found": Message("VIOSE01049000-9335", "There is nothing at {path}. See /api/v1/openapi.json."),
    "peer-busy": Message(
        "VIOSE01049000-9336", "The console could not reach its database just now. Try again in a few seconds."
    ),
    "keys-not-trusted": Message(
        "VIOSE01049000-9339",
        "{user} at {remote} does not let {own_user} of {host} in by key. Run `mkauthkeys --ip {remote} -u {user}` to "
        "change that.",
    ),
    "peer-key-refused": Message(
        "VIOSE01049000-9338",
        "The key of the user who asks does not log in {user} at {remote}. Run mkauthkeys on the console that asks, "
        "or type the password.",
    ),
    "peer-http": Message("VIOSE01049000-9337", "The request was refused: {detail}. See /api/v1/openapi.json."),
}
