"""Checks that no scenario makes fail: the lab has what they refuse from the start, or needs another program."""

BY_HAND = {
    "partition_is_not_the_management_partition": "Validate the management partition (ID 1), as at every start.",
    "user_may_migrate": "Type viewer (password viewer) as Remote user ID, as at every start.",
    "peer_protocols_are_equal": "Run consoles of two versions; Validate itself ends with 9309 then.",
}
