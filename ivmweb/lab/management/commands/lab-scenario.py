from ivmweb.lab.management.commands.lab_scenario import Command

__all__ = ["Command"]
