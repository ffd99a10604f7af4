"""Checks that no scenario makes fail: the lab has what they refuse from the start, or needs another program."""

BY_HAND = {
    "partition_is_not_the_management_partition": "Needs no scenario: validate partition 1, which every lab has.",
    "user_may_migrate": "Needs no scenario: type viewer (password viewer), whom every lab has, as Remote user ID.",
    "media_are_found_at_the_destination": "Load a medium that was made by mkvopt -file -ro on one console.",
    "peer_protocols_are_equal": "Run consoles of two versions; Validate itself ends with 9309 then.",
    "locks_of_the_disks_hold_between_servers": "Needs a LUN on a block device, as root: docs/qemu.md, LUNs.",
}
