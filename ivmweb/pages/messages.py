"""Messages of the pages: choices in the partition list, rights."""

from ivmweb.common.errors import Message, register

register({})
_ = Message
