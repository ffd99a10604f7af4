"""`python -m tests.browser PORT`: serve the world; Django first."""

import sys

import django


def main():
    django.setup()
    from tests.browser import world

    world.serve(int(sys.argv[1]))


if __name__ == "__main__":
    main()
