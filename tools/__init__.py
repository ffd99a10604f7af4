"""What stands behind ./ivm: set-up, checks, the lab. Standard library only: nothing is installed when it starts."""
