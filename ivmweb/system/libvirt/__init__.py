"""Guests of libvirt made partitions of this console: their domain files read, compared, and written as records."""
