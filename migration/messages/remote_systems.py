"""Remote Systems: making other consoles known. Numbered from 9340."""

from ivmweb.common.errors import Message

MESSAGES = {
    "remote-name-wrong": Message(
        "VIOSE01049000-9340",
        "{name} can't be the name of a remote system. Type the host name of its console: letters, digits, hyphens "
        "and dots, at most 63.",
    ),
    "remote-address-wrong": Message(
        "VIOSE01049000-9341",
        "{address} is no address. Type host name or IP address and HTTPS port of the other console, "
        "for example uli14.example.com:8443.",
    ),
    "remote-is-this-console": Message(
        "VIOSE01049000-9342",
        "{address} is this console, {host}. Type the address of another system's console.",
    ),
    "remote-name-known": Message(
        "VIOSE01049000-9343",
        "There is a remote system {name} already, at {address}. Choose another name, or remove it first.",
    ),
    "remote-address-known": Message(
        "VIOSE01049000-9344",
        "{address} is the address of the remote system {name}. Nothing has to be added; "
        "to give it another name, remove it first.",
    ),
    "remote-system-known": Message(
        "VIOSE01049000-9345",
        "The console at {address} manages {system}, which is known as the remote system {name} at {known_address}. "
        "If its address has changed, remove it first.",
    ),
    "remote-not-a-console": Message(
        "VIOSE01049000-9346",
        "What answers at {address} is no ivmweb console of this version: {detail}. "
        "Check host name and port; the port is the one of its HTTPS.",
    ),
    "remote-certificate-unsteady": Message(
        "VIOSE01049000-9347",
        "{address} showed two different certificates one after the other. Check with its administrator that a single "
        "console answers there, then try again.",
    ),
    "remote-not-shown": Message(
        "VIOSE01049000-9348",
        "No certificate waits for your confirmation, or it is another one than this page shows; nothing was changed. "
        "Begin again in Remote Systems.",
    ),
    "remote-not-confirmed": Message(
        "VIOSE01049000-9349",
        "The fingerprint is not confirmed, so nothing was changed. Compare it with the one that the administrator of "
        "{name} sees, then select the check box.",
    ),
    "remote-certificate-same": Message(
        "VIOSI01049000-9350",
        "{name} shows the certificate that is confirmed, {fingerprint}. There is nothing to re-pin.",
    ),
    "remote-gone": Message(
        "VIOSE01049000-9351",
        "There is no remote system {name} here, or it was changed meanwhile, so nothing was done. "
        "Open Remote Systems for those that there are.",
    ),
    "remote-in-use": Message(
        "VIOSE01049000-9352",
        "{name} can't be removed while migrations with it are not over: {partitions}. Wait for them, or Stop or "
        "Recover them in Migration Status, then remove it.",
    ),
    "remote-not-selected": Message(
        "VIOSE01049000-9353",
        "No remote system is selected, and the button needs one. Select one in the table, then press the button "
        "again.",
    ),
    "remote-added": Message(
        "VIOSI01049000-9354",
        "{name} is a remote system now, with the certificate {fingerprint}. Its administrator must add this console "
        "there as well before partitions can migrate.",
    ),
    "remote-repinned": Message(
        "VIOSI01049000-9355", "The certificate of {name} is {fingerprint} now; the old one is not accepted any more."
    ),
    "remote-removed": Message(
        "VIOSI01049000-9356",
        "{name} is removed: nothing migrates to or from it any more. Migrations that are on record stay so.",
    ),
}
