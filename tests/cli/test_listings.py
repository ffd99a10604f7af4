"""The article's listings, as a real IVM prints them."""

import pytest

from ivmweb.lab import data

MPIO = "\n".join(f"{f'hdisk{number}':<16} Available   MPIO Other FC SCSI Disk Drive" for number in range(13)) + "\n"
VTSCSI = [f"vtscsi{number}" for number in range(10)]
ADAPTER = """\
SVSA            Physloc                                      Client Partition ID
--------------- -------------------------------------------- ------------------
"""


def target(name, lun, disk, location):
    return f"""
VTD                   {name}
Status                Available
LUN                   {lun}
Backing device        {disk}
Physloc               {location}
"""


def block(adapter, location, client, first, disks):
    adapter_line = f"{adapter:<15} {location:<44} {client}\n"
    targets = [
        target(
            f"vtscsi{first + index}",
            f"0x8{index + 1}00000000000000",
            f"hdisk{disk}",
            f"U78A5.001.WIH0402-P1-C6-T1-W5005076303030053-L401140{disk + 2:02X}00000000",
        )
        for index, disk in enumerate(disks)
    ]
    return ADAPTER + adapter_line + "".join(targets)


def devices(*names):
    kinds = {"vhost": "Virtual SCSI Server Adapter", "vtscsi": "Virtual Target Device - Disk"}
    return "".join(f"{name:<16} Available   {kinds[name.rstrip('0123456789')]}\n" for name in names)


@pytest.fixture
def both(uli13lp1, uli13lp2):
    return uli13lp1, uli13lp2


def test_1_the_management_channel(prompt, uli13):
    assert prompt("lsdev -virtual | grep vmc") == "ibmvmc0          Available   Virtual Management Channel\n"


def test_2_before_the_migration(prompt, both):
    assert prompt("lsdev | grep MPIO") == MPIO
    listed = prompt('lsdev -virtual | grep -E "vhost|vtscsi"')
    assert listed == devices("vhost0", "vhost1", *VTSCSI)
    first = block("vhost0", "U7998.61X.100390A-V1-C11", "0x00000002", 0, (2, 5, 6, 7, 8))
    second = block("vhost1", "U7998.61X.100390A-V1-C13", "0x00000000", 5, (1, 9, 10, 11, 12))
    assert prompt("lsmap -all") == f"{first}\n{second}"


def test_3_a_system_without_clients(prompt, uli13):
    assert prompt("lsdev | grep MPIO") == MPIO
    assert prompt('lsdev -virtual | grep -E "vhost|vtscsi"') == ""
    assert prompt("lsmap -all") == ""
    assert (prompt.status, prompt.err) == (0, "")


def test_4_what_is_left_when_the_first_has_gone(prompt, both):
    both[0].delete()
    assert prompt('lsdev -virtual | grep -E "vhost|vtscsi"') == devices(
        "vhost1", *(f"vtscsi{n}" for n in range(5, 10))
    )
    second = block("vhost1", "U7998.61X.100390A-V1-C13", "0x00000000", 5, (1, 9, 10, 11, 12))
    assert prompt("lsmap -all") == second


@pytest.mark.parametrize("command", ["migrlpar", "lslparmigr"])
def test_6_the_syntax_is_shown(prompt, command, uli13):
    usage = prompt(f"{command} --help")
    assert usage.startswith(f"Usage: {command} ")
    for option in ("--ip", "-u", "--stderr", "--help"):
        assert option in usage
    assert prompt.status == 0


def test_8_the_names_of_host_and_system(prompt, uli13):
    assert prompt("hostname") == "uli13\n"
    assert prompt("lssyscfg -r sys -F name") == f"{data.ULI13.name}\n"


def test_10_the_target_system_is_needed(prompt, uli13lp1, remote):
    assert prompt("migrlpar -o m --ip uli14 -u padmin -p uli13lp1") == ""
    text = "[VIOSE01040120-0006] Required parameter -t or its value is missing or not valid.\n"
    assert (prompt.status, prompt.err) == (1, text)
