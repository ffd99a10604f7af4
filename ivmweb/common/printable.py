"""Text of others, for a line that is shown: what would steer a terminal, or could not be seen, as its escape."""

SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def printable(text: str) -> str:
    """`a<U+202E>b<LF>` is `a\\u202eb\\n`; letters of all languages stay as they are."""
    return text if text.isprintable() else "".join(c if c.isprintable() else escaped(c) for c in text)


def escaped(character: str) -> str:
    if character in SHORT:
        return SHORT[character]
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x1_0000 else f"\\U{number:08x}"
