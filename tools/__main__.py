"""`python3 -m tools COMMAND`: refuses an old Python in words it understands, then opens the front door."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this line is for the Python that is too old
    sys.exit("ivm: python3 is {}.{}; this needs 3.11 or newer.".format(*sys.version_info[:2]))

from tools.front_door import main

sys.exit(main(sys.argv[1:]))
