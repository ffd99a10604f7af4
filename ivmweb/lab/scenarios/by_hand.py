"""Checks that no scenario makes fail: what is wrong is not in the records of one console. How to see each by hand."""

BY_HAND = {
    "partition_is_not_the_management_partition": "Choose the management partition (ID 1) on the Migrate page.",
    "hypervisor_confirms_the_state": "End the hypervisor process (kill -9) and validate before its partitions show "
    "Not Activated, which takes two seconds.",
    "source_has_free_mover": "Start the demo with IVM_MOVER_SLOTS=1 and validate a second partition during a move.",
    "destination_mover_can_be_reached": "Start the demo with IVM_MOVER_HOST=no-such-host.invalid.",
    "destination_is_another_system": "Start two consoles without the demo, both with the same IVM_SYSTEM.",
    "peer_protocols_are_equal": "Run consoles of two versions; Validate itself says so then.",
    "source_is_another_system": "Start two consoles without the demo, both with the same IVM_SYSTEM.",
    "user_may_migrate": "Type viewer as Remote user ID.",
    "destination_has_free_mover": "Start the demo with IVM_MOVER_SLOTS=1 and validate another partition during a "
    "move to it.",
}
