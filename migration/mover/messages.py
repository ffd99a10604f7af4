"""What a mover says to an operator. Codes 9450 to 9499."""

from ivmweb.common.errors import Message, register

register(
    {
        "mover-link-lost": Message(
            "VIOSE01049000-9450",
            "The mover connection of partition {partition} was lost: {reason}. The partition stays on the source "
            "system. Either the other side ended the transfer, and its Status page says why; or its mover was ended "
            "or the network between the two was cut. Look there, then migrate it again.",
        ),
        "mover-link-lost-completed": Message(
            "VIOSE01049000-9451",
            "The mover connection of partition {partition} was lost after the destination's hypervisor had received "
            "everything and before its console confirmed it: {reason}. The partition is suspended on this system "
            "until recovery resumes it; select Recover if that does not happen by itself.",
        ),
        "mover-stopped": Message(
            "VIOSI01049000-9452",
            "The transfer of partition {partition} was stopped on request after {sent_mb} MB. "
            "Migrate it again when it suits.",
        ),
        "no-convergence": Message(
            "VIOSE01049000-9453",
            "Partition {partition} writes {dirty_mb_per_s} MB per second of memory and the mover connection carries "
            "{rate_mb_per_s} MB per second: after pass {passes}, {rest_mb} MB are left, and {fit_mb} MB fit the "
            "allowed suspension of {allowed_ms} ms; the rest needs {needed_ms} ms. Reduce the load; or, in "
            "View/Modify System Properties > Mobility, raise the allowed suspension, or the bandwidth limit where "
            "the connection is held back by it, or have the partition suspended anyway.",
        ),
        "no-convergence-slowed": Message(
            "VIOSE01049000-9760",
            "Partition {partition} was slowed down by {percent} percent, and the mover connection, which carries "
            "{rate_mb_per_s} MB per second, still does not keep up with what it writes: after pass {passes}, "
            "{rest_mb} MB are left, and {fit_mb} MB fit the allowed suspension of {allowed_ms} ms; the rest needs "
            "{needed_ms} ms. It runs at its own speed again. Reduce the load; or, in View/Modify System Properties > "
            "Mobility, raise the allowed suspension, or the bandwidth limit where the connection is held back by it, "
            "or have the partition suspended anyway.",
        ),
        "mover-refused": Message(
            "VIOSE01049000-9454",
            "The mover at {host}:{port} did not prove that it belongs to this migration: {reason}. Check the mover "
            "address of the destination system, then migrate again.",
        ),
        "mover-unreachable": Message(
            "VIOSE01049000-9455",
            "The mover at {host}:{port} could not be reached within {timeout_s} s: {reason}. Check that the mover "
            "ports of the destination system are open, then migrate again.",
        ),
        "mover-no-source": Message(
            "VIOSE01049000-9456",
            "The source system did not connect to mover port {port} within {timeout_s} s for partition {partition}. "
            "Check that the source system reaches this port, then migrate again.",
        ),
        "mover-destination-failed": Message(
            "VIOSE01049000-9457",
            "The destination system gave up partition {partition}: {reason}",
        ),
        "mover-stream-failed": Message(
            "VIOSE01049000-9458",
            "The hypervisor ended the state stream of partition {partition}: {reason}. "
            "Look at its log, then migrate the partition again.",
        ),
        "mover-no-port": Message(
            "VIOSE01049000-9459",
            "No mover port is free on {host} in {ports}: {reason}. Wait for a migration to end, "
            "or widen IVM_MOVER_PORTS.",
        ),
        "mover-stalled": Message(
            "VIOSE01049000-9460",
            "Nothing of partition {partition} has moved for {timeout_s} s in phase {phase}. Check the "
            "destination system and the network, then migrate again.",
        ),
        "mover-bad-ports": Message(
            "VIOSE01049000-9461",
            "Mover ports {ports} are not a port or a range: write 0 for any free port, or for example 30100-30107.",
        ),
        "mover-internal": Message(
            "VIOSE01049000-9462",
            "The mover met an unexpected error of kind {kind} with partition {partition}; the log of this "
            "system has the details. Look there, then migrate the partition again.",
        ),
    }
)
