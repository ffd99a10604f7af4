"""Messages about the managed system, its partitions, storage and networks."""

from ivmweb.common.errors import Message, register

register({})
_ = Message
