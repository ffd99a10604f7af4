"""What messages tell an administrator to do must be possible."""

import re

from ivmweb.common.errors import catalogue
from ivmweb.pages.nav import GROUPS

# Of these there may be one, and the text of a message has no plural forms.
THINGS = "partitions|migrations|minutes|seconds|movers|passes|slots|virtual slots|virtual processors|partition IDs"
COUNTED = re.compile(rf"\{{(?!kind)\w+\}} (?:\{{kind\}} )?(?:{THINGS})\b")
TWO_OR_MORE = {"choose-one-partition", "check-virtual-processors"}
PAGE = re.compile(r"(?:View/Modify(?: [A-Z][\w-]*)+|Monitor Tasks)")


def test_no_message_says_one_partitions():
    texts = {key: message.text for key, message in catalogue().items() if key not in TWO_OR_MORE}
    assert {key: COUNTED.findall(text) for key, text in texts.items() if COUNTED.search(text)} == {}


def test_messages_send_to_pages_that_exist_and_to_no_other():
    titles = {str(item.title) for group in GROUPS for item in group.items}
    named = {(key, page) for key, message in catalogue().items() for page in PAGE.findall(message.text)}
    assert len(named) > 2
    assert {(key, page) for key, page in named if page not in titles} == set()
