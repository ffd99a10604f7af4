"""Messages of Live Partition Mobility: checks (9100), running migrations (9200), peers and trust (9300)."""

from ivmweb.common.errors import Message, register

register({})
_ = Message
