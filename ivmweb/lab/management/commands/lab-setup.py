from ivmweb.lab.management.commands.lab_setup import Command

__all__ = ["Command"]
