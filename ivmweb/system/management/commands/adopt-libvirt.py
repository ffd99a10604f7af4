from ivmweb.system.management.commands.adopt_libvirt import Command

__all__ = ["Command"]
