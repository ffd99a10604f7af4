"""What went through one end of a state stream: how many bytes, and a sum by which both ends can be compared.

The sum is a GMAC (AES-128, a key of this migration alone), because a SHA-256 of the stream would cost as much time as
sending it: 0.5 s a gigabyte and side, against 0.03 s. That the bytes arrived as they were sent is TLS's work; the sum
shows that nothing was lost, doubled or changed between the hypervisors and the movers.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LABEL = b"ivmweb state stream sum 1"
NONCE = bytes(12)  # the key is used once


class Tally:
    """Written by one thread, read by any; the digest only after `end`."""

    def __init__(self, key: bytes) -> None:
        """`key`: the migration's own secret."""
        derived = hmac.digest(key, LABEL, "sha256")[:16]
        self.value = 0
        self._sum = Cipher(algorithms.AES(derived), modes.GCM(NONCE)).encryptor()
        self._digest = ""

    def add(self, data: memoryview) -> None:
        self._sum.authenticate_additional_data(data)
        self.value += len(data)

    def end(self) -> None:
        """The hypervisor has ended its stream: this was all."""
        self._sum.finalize()
        self._digest = hashlib.sha256(self._sum.tag + self.value.to_bytes(8, "little")).hexdigest()

    @property
    def digest(self) -> str:
        """SHA-256 over the sum and the number of bytes; empty for a stream that did not come to its end."""
        return self._digest
