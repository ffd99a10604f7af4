"""Messages of the hypervisor boundary (ranges 9400 to 9449 and 9730 to 9739)."""

from ivmweb.common.errors import Message, register

register(
    {
        "hypervisor-unreachable": Message(
            "VIOSE01049000-9400",
            "The hypervisor of {host} does not answer at {socket}: {reason}. Where something looks after it, it is "
            "started again within seconds. If it stays silent, start it on {host} and look at its log.",
        ),
        "hypervisor-refused": Message(
            "VIOSE01049000-9401",
            "The hypervisor refused {command}: {reason}. Correct the request and try again.",
        ),
        "hypervisor-busy": Message(
            "VIOSE01049000-9402",
            "The hypervisor has as many connections open as it serves, {limit}. Try again in some seconds.",
        ),
        "unknown-partition": Message(
            "VIOSE01049000-9403",
            "The hypervisor has no partition with the ID {lpar_id}, or has it no more. Look at its State in "
            "View/Modify Partitions, then begin again.",
        ),
        "partition-exists": Message(
            "VIOSE01049000-9404",
            "The partition ID {lpar_id} is taken by partition {name}, which is {run_state}. "
            "Choose another ID or remove that partition.",
        ),
        "partition-holds-memory": Message(
            "VIOSE01049000-9405",
            "Partition {name} (ID {lpar_id}) is {run_state} and holds memory. Shut it down first; what a migration "
            "has left here is ended on the page Recover of that migration.",
        ),
        "wrong-run-state": Message(
            "VIOSE01049000-9406",
            "Partition {name} (ID {lpar_id}) is {run_state}; {command} needs it {needed}. "
            "Wait for that state or bring it about.",
        ),
        "not-loaded": Message(
            "VIOSE01049000-9407",
            "Partition {name} (ID {lpar_id}) is {run_state} and can't be started: its memory has not arrived "
            "completely. Let the migration finish, or recover it.",
        ),
        "stale-epoch": Message(
            "VIOSE01049000-9408",
            "Something else was begun for the partition with ID {lpar_id} at the same time, and the hypervisor had "
            "its order first (number {newest}, this one has {epoch}). This was not carried out. Look at the State of "
            "the partition in View/Modify Partitions, then repeat what is still wanted.",
        ),
        "other-migration": Message(
            "VIOSE01049000-9409",
            "The run of partition {name} (ID {lpar_id}) belongs to migration {current}, and this was asked for "
            "migration {migration_id}. It was not carried out. Look at the Status of the newest migration of {name}, "
            "and recover that one where it does not go on.",
        ),
        "owner-word-refused": Message(
            "VIOSE01049000-9410",
            "Partition {name} may not run here: LUN {unique_id} says {owner}, and this system is {system}. "
            "Look at the migration of {name} on both consoles: Recover, explained, says which of them has it. Where "
            "neither has one, a database was restored: look at Restored Database.",
        ),
        "lun-of-other-partition": Message(
            "VIOSE01049000-9285",
            "Partition {name} can't have the LUN {unique_id} here: its owner word says {owner} on {other}. Where "
            "both have the LUN mapped, take it from one of them, by rmvdev on the console of that server. Then try "
            "again.",
        ),
        "owner-word-mismatch": Message(
            "VIOSE01049000-9411",
            "LUN {unique_id} is {found}, not {expected} as assumed: something else has changed it meanwhile. Look at "
            "the State of its partition and at its newest migration, then repeat what is still wanted.",
        ),
        "lun-damaged": Message(
            "VIOSE01049000-9412",
            "The identity block of LUN {path} can't be used: {reason}. Restore it; nothing is guessed.",
        ),
        "lun-unusable": Message(
            "VIOSE01049000-9413",
            "The LUN {path} can't be used: {reason}. Check the path and the connection to the SAN.",
        ),
        "lun-mismatch": Message(
            "VIOSE01049000-9414",
            "The LUN {path} has the unique ID {found}, not {unique_id}. Correct the mapping.",
        ),
        "hypervisor-memory": Message(
            "VIOSE01049000-9415",
            "Partition {name} (ID {lpar_id}) needs {memory_mb} MB; {free_mb} MB of {capacity_mb} MB are free. "
            "Reduce its memory or shut down another partition.",
        ),
        "memory-not-in-blocks": Message(
            "VIOSE01049000-9730",
            "Partition {name} (ID {lpar_id}) has {memory_mb} MB of memory; this hypervisor gives memory in blocks of "
            "{block_mb} MB. Change the assigned memory to a multiple of {block_mb} MB while the partition is off.",
        ),
        "volume-not-made": Message(
            "VIOSE01049000-9731",
            "The hypervisor could not make the file of virtual disk {name}: {reason}. Mend that on the server, and "
            "try again.",
        ),
        "volume-folder-full": Message(
            "VIOSE01049000-9732",
            "Virtual disk {name} needs {needed_mb} MB in {folder}, where {free_mb} MB are neither used nor promised "
            "to other virtual disks. Make it smaller, or make room there.",
        ),
        "virtual-disk-in-use": Message(
            "VIOSE01049000-9733",
            "The virtual disk with the unique ID {unique_id} can't be removed: at the hypervisor partition {name} "
            "(ID {lpar_id}) has it. Take it from the partition first.",
        ),
        "drive-locked": Message(
            "VIOSE01049000-9734",
            "The operating system of partition {name} (ID {lpar_id}) has locked its optical drive (slot {slot}, "
            "target {target}), since it uses the medium. Unmount the medium there and try again, or give -release, "
            "which takes it away nevertheless.",
        ),
        "boot-not-possible": Message(
            "VIOSE01049000-9735",
            "Partition {name} (ID {lpar_id}) can't boot from {boot_from}: {reason}. Change that, or what the "
            "partition boots from.",
        ),
        "transfer-completed": Message(
            "VIOSE01049000-9416",
            "The state of partition {name} (ID {lpar_id}) has arrived at the destination; the stream can't be "
            "cancelled any more. Finish or recover the migration.",
        ),
        "transfer-not-waiting": Message(
            "VIOSE01049000-9417",
            "The state stream of partition {name} (ID {lpar_id}) is at {phase}; {step} needs the end of a pass. "
            "Wait for it.",
        ),
        "throttle-without-stream": Message(
            "VIOSE01049000-9427",
            "Partition {name} (ID {lpar_id}) can't be slowed down by {percent} percent: none of its state is being "
            "sent. It runs at its own speed; look at its migration.",
        ),
        "throttle-not-prepared": Message(
            "VIOSE01049000-9428",
            "Partition {name} (ID {lpar_id}) can't be slowed down by {percent} percent: its state stream was opened "
            "without that. Have it slowed down in View/Modify System Properties, then migrate it again.",
        ),
        "transfer-open": Message(
            "VIOSE01049000-9418",
            "Partition {name} (ID {lpar_id}) has an open state stream of migration {current}. "
            "Cancel that one or wait for its end.",
        ),
        "rmc-silent": Message(
            "VIOSE01049000-9419",
            "The operating system of partition {name} (ID {lpar_id}) did not answer over RMC within {timeout_s} s. "
            "Check its RMC connection.",
        ),
        "rmc-refused": Message(
            "VIOSE01049000-9420",
            "The operating system of partition {name} (ID {lpar_id}) refused: {reason}. "
            "Look at its log and try again.",
        ),
        "activate-refused": Message(
            "VIOSE01049000-9421",
            "The hypervisor could not start partition {name} (ID {lpar_id}): {reason}. Correct that and try again.",
        ),
        "record-not-kept": Message(
            "VIOSE01049000-9423",
            "The hypervisor can't keep what it has to know of partition {name} (ID {lpar_id}) in {file}: {reason}. "
            "Mend that, or make room there, and try again.",
        ),
        "guest-silent": Message(
            "VIOSE01049000-9424",
            "QEMU of partition {name} (ID {lpar_id}) runs and does not answer, so it could not be {act}. It is asked "
            "again each second; where it stays so, look at its process and log on the server.",
        ),
        "started-as-other": Message(
            "VIOSE01049000-9745",
            "Partition {name} (ID {lpar_id}) was started as {started_as}, and the hypervisor's settings are {now} by "
            "now, as which the destination would start it: it can't be moved as it runs. Shut it down and activate "
            "it again, then move it; or start the hypervisor with the earlier settings and QEMU.",
        ),
        "first-lun-in-use": Message(
            "VIOSE01049000-9669",
            "Partition {name} (ID {lpar_id}) runs and writes to LUN {unique_id}, its first disk, which has to stay "
            "the first one. Shut the partition down, then change its disks.",
        ),
        "switch-runs": Message(
            "VIOSE01049000-9750",
            "A switch serves {folder} already, and two would take each other's frames. End that one first, or give "
            "this one the folder of another hypervisor's socket.",
        ),
        "switch-option": Message(
            "VIOSE01049000-9751",
            "The switch does not start: {option} is {value}; it has to be {needed}. Correct it and start the switch "
            "again.",
        ),
        "switch-address": Message(
            "VIOSE01049000-9752",
            "The switch does not start: it can't receive at {address}: {reason}. Give --uplink an address of this "
            "server and a free UDP port.",
        ),
        "tap-unusable": Message(
            "VIOSE01049000-9753",
            "The switch does not start: the tap device {tap} can't be opened: {reason}. Have an administrator make "
            "it for the user of the switch (ip tuntap add dev {tap} mode tap user NAME), or leave --tap out.",
        ),
        "switch-silent": Message(
            "VIOSE01049000-9754",
            "No switch answers in {folder}: {reason}. Partitions run on without a network until one is started "
            "there.",
        ),
        "lun-copied": Message(
            "VIOSE01049000-9720",
            "The LUN {unique_id} is there more than once: {paths}. One is a copy of the other, or they are two ways "
            "to one disk; a partition on either could destroy what is on it. Of a copied file, cut the last 4096 "
            "bytes off the one that is the copy and give it an identity of its own (init_lun); of a disk with "
            "several ways, name its multipath device alone in --lun-devices.",
        ),
        "luns-stand-still": Message(
            "VIOSE01049000-9721",
            "The LUNs are being looked at since {seconds} s, and that does not end: a folder or a device does not "
            "answer. Mend that on the server, then try again.",
        ),
        "lun-without-identity": Message(
            "VIOSE01049000-9722",
            "{path} has no identity, so it is no LUN yet. Give it one: manage.py init_lun {path}",
        ),
        "lun-elsewhere": Message(
            "VIOSE01049000-9723",
            "{path} is not where LUNs of this server may be: {places}. Move it there, or add its place to --luns or "
            "--lun-devices of the hypervisor and start that again.",
        ),
        "lun-unfit": Message(
            "VIOSE01049000-9724",
            "{path} can't be a LUN: {reason}. It has to be a block device, or a raw image in a file, of {least_mb} "
            "MB or more.",
        ),
        "lun-busy": Message(
            "VIOSE01049000-9725",
            "{path} gets no identity: {reason}. End that use on this server first.",
        ),
        "lun-not-empty": Message(
            "VIOSE01049000-9726",
            "{path} gets no identity: {found} was found on it. Where it may be a LUN all the same, repeat with "
            "--force: a file keeps what is in it, a device loses its last {block_bytes} bytes.",
        ),
        "lun-taken": Message(
            "VIOSE01049000-9727",
            "{path} keeps its identity {unique_id}: its owner word says {owner}. Take the LUN from that partition, "
            "on the console of that server; then it can get a new one. Of a copied file, cut its last 4096 bytes "
            "off first.",
        ),
        "lun-place-unreadable": Message(
            "VIOSE01049000-9728",
            "{path}, where LUNs may be, can't be looked at: {reason}. Mount or connect it, or take it from --luns "
            "or --lun-devices of the hypervisor.",
        ),
        "terminal-connected": Message(
            "VIOSE01049000-9422",
            "Virtual terminal is already connected to partition {name} (ID {lpar_id}). "
            "Close that terminal, then open this one again.",
        ),
    }
)
