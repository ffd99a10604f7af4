"""Domain files: what is refused unread, and that nothing of one that is read goes unsaid."""

import io
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.libvirt import xml_file
from ivmweb.system.libvirt.domain import understand
from ivmweb.system.libvirt.findings import Verdict
from ivmweb.system.libvirt.xml_file import Element

DOMAINS = Path(__file__).parent / "domains"
FILES = sorted(one.name for one in DOMAINS.glob("*.xml"))
SMALL = (
    "<domain type='kvm'><name>small</name><memory>262144</memory><vcpu>1</vcpu><os><type>hvm</type></os>{}</domain>"
)
BOMB = "<!DOCTYPE d [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>" + SMALL.format("<title>&b;</title>")
OUTSIDE = "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + SMALL.format("<title>&a;</title>")


def tree_of(name):
    return xml_file.read(str(DOMAINS / name))


def findings_of(root):
    """Of a domain whose disks and adapters all fit."""
    domain = understand(root, "x.xml")
    found = list(domain.findings.made)
    for one in (*domain.disks, *domain.interfaces):
        one_path = f"devices/{one.element.name}"
        domain.findings.taken(one.element, one_path, "it fits.")
        found += [domain.findings.made[-1], *one.inside.made]
    return found


def said_of(name, what):
    return [(one.verdict, one.words) for one in findings_of(tree_of(name)) if one.what.startswith(what)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no element found"),
        ("hello", "syntax error"),
        ("<domain type='kvm'><name></domain>", "mismatched tag"),
        (BOMB, "declares a document type"),
        (OUTSIDE, "declares a document type"),
        ("<!DOCTYPE domain>" + SMALL.format(""), "declares a document type"),
        ("<?xml version='1.0' encoding='klingon'?>" + SMALL.format(""), "encoding"),
        ("<a>" * 40 + "</a>" * 40, "deeper than 32"),
        ("<a>" + "<b/>" * 20_001 + "</a>", "more than 20000 elements"),
        ("<network><name>n</name></network>", "begins with <network>"),
        (SMALL.format("").replace("'kvm'", "'xen'"), "its type is 'xen'"),
        (SMALL.format("").replace("<vcpu>1</vcpu>", ""), "has no <vcpu>"),
        ("<domain type='kvm'/>", "has no <name>"),
    ],
)
def test_what_is_no_domain_is_refused_with_the_reason(text, reason):
    with pytest.raises(PrerequisiteFailed, match=reason) as refused:
        understand(xml_file.parse(text.encode(), "x.xml"), "x.xml")
    assert refused.value.code == "VIOSE01049000-9642"


@pytest.mark.parametrize("name", ["/nowhere/x.xml", "/", "\0", "/dev/zero"])
def test_a_file_that_cannot_be_read_or_never_ends_is_refused(name):
    with pytest.raises(PrerequisiteFailed, match="9642"):
        xml_file.read(name)


def test_a_file_of_a_gigabyte_is_not_read(tmp_path):
    (tmp_path / "x.xml").touch()
    with (tmp_path / "x.xml").open("r+b") as file:
        file.truncate(2**30)
    with pytest.raises(PrerequisiteFailed, match="more than 1048576 bytes"):
        xml_file.read(str(tmp_path / "x.xml"))


def test_a_domain_may_come_by_standard_input(monkeypatch):
    text = (DOMAINS / "pseries.xml").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert understand(xml_file.read("-"), "-").name == "db01"


@pytest.mark.parametrize(
    ("given", "size_mb"),
    [
        ("<memory>262144</memory>", 256),
        ("<memory unit='b'>268435456</memory>", 256),
        ("<memory unit='bytes'>268435456</memory>", 256),
        ("<memory unit='k'>262144</memory>", 256),
        ("<memory unit='M'>256</memory>", 256),
        ("<memory unit='MiB'>256</memory>", 256),
        ("<memory unit='G'>1</memory>", 1024),
        ("<memory unit='TiB'>1</memory>", 2**20),
        ("<memory unit='MB'>1000</memory>", 1000 * 10**6 / 2**20),
    ],
)
def test_memory_is_read_in_every_unit_of_libvirt(given, size_mb):
    text = SMALL.format("").replace("<memory>262144</memory>", given)
    assert understand(xml_file.parse(text.encode(), "x"), "x").memory_bytes == size_mb * 2**20


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<memory>262144<", "<memory>lots<", "memory in line 1 of x.xml can't be lots"),
        ("<memory>", "<memory unit='acre'>", "can't be acre; needed: a unit"),
        ("<memory>262144<", "<memory>0<", "can't be 0"),
        ("<memory>262144<", f"<memory>{'9' * 40}<", "can't be 999"),
        ("<vcpu>1<", "<vcpu>-1<", "vcpu in line 1 of x.xml can't be -1"),
        ("<vcpu>1<", "<vcpu current='2'>1<", "at most 1, the maximum"),
        ("<type>hvm<", "<type>xen<", "type hvm"),
        ("</name>", "</name><uuid>12</uuid>", "needed: a UUID"),
        ("</os>", "</os><devices><interface type='user'><mac address='01:00:5e:00:00:01'/></interface></devices>",
         "a MAC address of one adapter"),
        ("</os>", "</os><devices><interface type='user'><vlan><tag id='5000'/></vlan></interface></devices>",
         "a VLAN from 1 to 4094"),
    ],
)  # fmt: skip
def test_a_value_that_is_wrong_is_named_with_its_line(old, new, said):
    text = SMALL.format("").replace(old, new)
    with pytest.raises(PrerequisiteFailed, match=said) as refused:
        understand(xml_file.parse(text.encode(), "x.xml"), "x.xml")
    assert refused.value.code == "VIOSE01049000-9643"


# Nothing goes unsaid


def places_in(root):
    """Each element, as the way to it by the numbers of children."""
    yield ()
    for number, one in enumerate(root.children):
        for place in places_in(one):
            yield (number, *place)


def at(root, place):
    for number in place:
        root = root.children[number]
    return root


def is_said_of_the_whole(root, place, found):
    """That it, or something around it, is left out or without effect."""
    lines = {at(root, place[:length]).line for length in range(1, len(place) + 1)}
    return any(one.line in lines and one.verdict is not Verdict.TAKEN for one in found)


@pytest.mark.parametrize("name", FILES)
def test_an_element_that_nobody_knows_is_listed_wherever_it_stands(name):
    root = tree_of(name)
    whole = findings_of(root)
    silent = []
    for place in places_in(root):
        changed = deepcopy(root)
        at(changed, place).children.append(Element("zzz", 99_999, {}))
        if not any("zzz" in one.what for one in findings_of(changed)):
            silent.append(place)
    assert [at(root, place).name for place in silent if not is_said_of_the_whole(root, place, whole)] == []


@pytest.mark.parametrize("name", FILES)
def test_an_attribute_that_nobody_knows_is_listed_wherever_it_stands(name):
    root = tree_of(name)
    whole = findings_of(root)
    silent = []
    for place in places_in(root):
        changed = deepcopy(root)
        at(changed, place).attributes["zzz"] = "1"
        words = [one for one in findings_of(changed) if "zzz" in one.what and one.verdict is Verdict.LEFT]
        if not words and not is_said_of_the_whole(root, place, whole):
            silent.append(at(root, place).name)
    assert silent == []


def test_what_becomes_of_everything():
    left = Verdict.LEFT
    for what in (
        "genid", "maxMemory", "memoryBacking", "memtune", "numatune", "cputune", "vcpus", "sysinfo", "os/kernel",
        "features/htm", "cpu/topology", "cpu/numa", "cpu/feature", "clock", "on_poweroff", "on_reboot", "seclabel",
        "launchSecurity", "unheardOf", "commandline", "devices/tpm", "devices/nvram", "devices/hostdev",
        "devices/filesystem", "devices/watchdog", "devices/memory", "devices/lease",
    ):  # fmt: skip
        assert [verdict for verdict, _words in said_of("everything.xml", what)] == [left], what
    assert [verdict for verdict, _ in said_of("everything.xml", "on_crash")] == [Verdict.TAKEN]
    assert "this console does not know it" in str(said_of("everything.xml", "unheardOf"))


def test_a_password_is_not_shown():
    found = findings_of(tree_of("q35.xml"))
    assert any(one.what.startswith("devices/graphics") for one in found)
    assert "s3cret" not in repr(found)


def test_what_would_steer_a_terminal_is_shown_as_its_escape():
    text = SMALL.format("<title>\u009b31m\u202e</title>")
    found = understand(xml_file.parse(text.encode(), "x"), "x").findings.made
    assert [one.what for one in found if one.what.startswith("title")] == ["title: \\x9b31m\\u202e"]


def test_disks_come_in_the_order_of_the_boot():
    domain = understand(tree_of("pseries.xml"), "x")
    assert [disk.path for disk in domain.disks] == ["ROOT", "DATA"]


def test_a_disk_that_can_be_no_lun_is_left_out_as_a_whole_and_says_what_to_do():
    words = [words for verdict, words in said_of("everything.xml", "devices/disk type=") if verdict is Verdict.LEFT]
    for part in ("other domains write", "rbd map", "virsh vol-path", "no floppy"):
        assert sum(part in one for one in words) == 1, part
    domain = understand(tree_of("everything.xml"), "x")
    assert [disk.path for disk in domain.disks] == [
        "/dev/mapper/IDENTITY", "MAPPED", "/var/lib/libvirt/images/nowhere.img"
    ]  # fmt: skip
    assert ["qemu-img convert" in words for _, words in said_of("q35.xml", "devices/disk type=file device=disk")] == [
        True
    ]
