"""The VIOS command line: one dispatcher for SSH and for `manage.py vios`, one file a command (docs/cli.md)."""
