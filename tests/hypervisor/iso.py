"""A CD image of a few sectors: ISO 9660 with a label, and what the firmware of pseries looks for on a medium."""

import struct
from pathlib import Path

SECTOR = 2048
PVD, END, PATHS, ROOT, FOLDER, INFO, PROGRAM = range(16, 23)  # sectors
BOOTINFO = b"<chrp-boot>\n<boot-script>boot &device;:\\ppc\\boot.fs</boot-script>\n</chrp-boot>\n"
LABEL_AT = PVD * SECTOR + 40  # 32 bytes


def make_iso(path: Path, label: str, program: str = "") -> None:
    """`program`: Forth, as which SLOF takes what begins with a comment, when it boots from the medium."""
    program = f"\\ \n{program}\n".encode()
    image = bytearray(64 * SECTOR)
    folder = record(b"PPC", FOLDER, SECTOR, is_folder=True)
    info = record(b"BOOTINFO.TXT;1", INFO, len(BOOTINFO), is_folder=False)
    forth = record(b"BOOT.FS;1", PROGRAM, len(program), is_folder=False)
    paths = path_entry(b"\0", ROOT, 1) + path_entry(b"PPC", FOLDER, 1)
    put(image, PVD, descriptor(label, len(image) // SECTOR, len(paths)))
    put(image, END, b"\xffCD001\x01")
    put(image, PATHS, paths)
    put(image, ROOT, dots(ROOT, ROOT) + folder)
    put(image, FOLDER, dots(FOLDER, ROOT) + forth + info)
    put(image, INFO, BOOTINFO)
    put(image, PROGRAM, program)
    path.write_bytes(image)


def put(image: bytearray, sector: int, data: bytes) -> None:
    image[sector * SECTOR : sector * SECTOR + len(data)] = data


def both(number: int) -> bytes:
    """In either byte order, as the standard has it."""
    return struct.pack("<I", number) + struct.pack(">I", number)


def record(name: bytes, sector: int, length: int, *, is_folder: bool) -> bytes:
    body = both(sector) + both(length) + bytes(7) + bytes([2 if is_folder else 0, 0, 0]) + b"\1\0\0\1"
    body += bytes([len(name)]) + name + (b"" if len(name) % 2 else b"\0")
    return bytes([len(body) + 2, 0]) + body


def dots(here: int, parent: int) -> bytes:
    return record(b"\0", here, SECTOR, is_folder=True) + record(b"\1", parent, SECTOR, is_folder=True)


def path_entry(name: bytes, sector: int, parent: int) -> bytes:
    padding = b"\0" if len(name) % 2 else b""
    return struct.pack(">BBIH", len(name), 0, sector, parent) + name + padding


def descriptor(label: str, sectors: int, path_bytes: int) -> bytes:
    head = b"\1CD001\1\0" + b" " * 32 + label.encode().ljust(32) + bytes(8) + both(sectors) + bytes(32)
    head += b"\1\0\0\1" * 2 + b"\0\x08\x08\0" + both(path_bytes)
    head += bytes(8) + struct.pack(">II", PATHS, 0)  # the firmware reads the big-endian one
    return head + record(b"\0", ROOT, SECTOR, is_folder=True)
