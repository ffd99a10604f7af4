"""What messages tell an administrator to do must be possible."""

import re

from ivmweb.common.errors import catalogue
from ivmweb.pages.nav import GROUPS

PAGE = re.compile(r"(?:View/Modify(?: [A-Z][\w-]*)+|Monitor Tasks)")


def test_messages_send_to_pages_that_exist_and_to_no_other():
    titles = {str(item.title) for group in GROUPS for item in group.items}
    named = {(key, page) for key, message in catalogue().items() for page in PAGE.findall(message.text)}
    assert len(named) > 2
    assert {(key, page) for key, page in named if page not in titles} == set()
