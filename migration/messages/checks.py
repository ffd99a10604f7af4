"""What validation finds, numbered from 9100."""

from ivmweb.common.errors import Message

MESSAGES = {
    # Found by the source.
    "check-management-partition": Message(
        "VIOSE01049000-9100",
        "Partition {partition} (ID {lpar_id}) is the management partition and can't be migrated. "
        "Choose a client partition.",
    ),
    "check-partition-state": Message(
        "VIOSE01049000-9101",
        "Partition {partition} (ID {lpar_id}) is {state}; a migration needs it Running or Not Activated. "
        "Wait for it to start or shut it down.",
    ),
    "check-already-migrating": Message(
        "VIOSE01049000-9102",
        "Partition {partition} (ID {lpar_id}) is being migrated already, and only one migration of it can go on. "
        "Watch that one with More Tasks > Mobility > Status: wait for its end, or press Stop while it is offered "
        "there.",
    ),
    "check-migration-open": Message(
        "VIOSE01049000-9103",
        "Partition {partition} (ID {lpar_id}) has a migration that is not over. "
        "Look at it with More Tasks > Mobility > Status: wait for its end, or recover it there if nobody works on "
        "it.",
    ),
    "check-partition-held": Message(
        "VIOSE01049000-9104",
        "Partition {partition} (ID {lpar_id}) is reserved by the operation {hold}. "
        "Wait for its end (see Monitor Tasks), then validate again.",
    ),
    "check-partition-reserved": Message(
        "VIOSE01049000-9163",
        "Partition {partition} (ID {lpar_id}) is reserved: {hold}. That is no task of this console, so nothing here "
        "ends it. Ask whoever reserved the partition to let it go, then validate again.",
    ),
    "check-not-capable": Message(
        "VIOSE01049000-9105",
        "System {system} is not capable of {kind} migrations. Switch the capability on in View/Modify System "
        "Properties > Mobility of its console, or use another system.",
    ),
    "check-hypervisor-silent": Message(
        "VIOSE01049000-9106",
        "A migration needs the hypervisor of {system}. {reason} Validate again once it answers.",
    ),
    "check-too-many-migrations": Message(
        "VIOSE01049000-9107",
        "System {system} has no room for {kind} migrations: in progress {running}, supported {most}. Raise that "
        "number in View/Modify System Properties > Mobility of its console; where it is above 0, you can also wait "
        "until one ends.",
    ),
    "check-queue": Message(
        "VIOSW01049000-9148",
        "System {system} has no room for {kind} migrations now: in progress {running}, supported {most}. Migrate "
        "puts this one into the queue, where it waits until there is room.",
    ),
    "check-queue-movers": Message(
        "VIOSW01049000-9160",
        "No mover of {system} is free: {busy} of {slots} are at work. Migrate puts this one into the queue, where it "
        "waits until one is free.",
    ),
    "check-queue-no-mover": Message(
        "VIOSW01049000-9164",
        "{system} has no mover at all: IVM_MOVER_SLOTS is 0 there. Migrate puts this one into the queue, where it "
        "waits until that setting is raised on {system}.",
    ),
    "check-no-mover": Message(
        "VIOSE01049000-9108",
        "No mover of {system} is free: at work {busy}, there are {slots}. Raise IVM_MOVER_SLOTS on {system}; where "
        "it is above 0, you can also wait until a migration ends.",
    ),
    "check-same-system": Message(
        "VIOSE01049000-9109",
        "{remote} manages system {system_identity}, which is the system that the partition is on. "
        "Type the console of another system as Remote IVM or HMC.",
    ),
    "check-rmc": Message(
        "VIOSE01049000-9110",
        "The RMC connection to partition {partition} (ID {lpar_id}) is {rmc_state}; an active migration needs it "
        "active. Start RMC in the partition and press Retrieve Capabilities in Partition Properties > General, or "
        "shut it down and migrate it inactive.",
    ),
    "check-workload-group": Message(
        "VIOSE01049000-9111",
        "Partition {partition} (ID {lpar_id}) is in partition workload group {group}; only a partition in none "
        "can be migrated. Take it out of the group in Partition Properties > General; it can join one again "
        "afterwards.",
    ),
    "check-adapters-present": Message(
        "VIOSE01049000-9112",
        "Partition {partition} (ID {lpar_id}) has physical adapters: {adapters}. An active migration needs it "
        "without. Remove them in Partition Properties > Physical Adapters, or shut it down and migrate it inactive.",
    ),
    "check-adapters-removed": Message(
        "VIOSW01049000-9113",
        "Partition {partition} (ID {lpar_id}) has physical adapters: {adapters}. The migration takes them away. "
        "Give it adapters of the destination afterwards, in Partition Properties > Physical Adapters there.",
    ),
    "check-disks-not-luns": Message(
        "VIOSE01049000-9114",
        "Partition {partition} (ID {lpar_id}) uses disks that are no whole physical volumes on the SAN: {disks}. "
        "No other system sees these. Copy logical volumes to physical volumes of the SAN, and unload media that can "
        "be written or were not made of an image.",
    ),
    "check-media-missing": Message(
        "VIOSE01049000-9793",
        "Partition {partition} (ID {lpar_id}) has media loaded that {system} does not have as read-only media with "
        "the same content: {media}. Make them there of the same images (mkvopt -file -ro), or unload them.",
    ),
    "check-reserve-policy": Message(
        "VIOSE01049000-9115",
        "System {system} reserves disks of partition {partition} for itself: {disks}; both systems need the "
        "reserve policy no_reserve. Choose it on the console of {system} in Partition Properties > Storage: of "
        "the partition that has the disks there, or of the management partition where none has them.",
    ),
    "check-management-rmc": Message(
        "VIOSE01049000-9116",
        "The RMC connection to the management partition of {system} is {rmc_state}; a migration needs it active "
        "on both systems. Start RMC in that management partition, then validate again.",
    ),
    "check-environment": Message(
        "VIOSE01049000-9117",
        "Partition {partition} (ID {lpar_id}) is of the environment {environment}; only AIX and Linux partitions "
        "(aixlinux) can be migrated. Choose another partition.",
    ),
    "check-os-level": Message(
        "VIOSE01049000-9118",
        "Partition {partition} (ID {lpar_id}) runs {found}; an active migration needs {needed}, or newer. "
        "Update its operating system, or shut it down and migrate it inactive.",
    ),
    "check-os-not-ready": Message(
        "VIOSE01049000-9119",
        "Partition {partition} (ID {lpar_id}) was asked over RMC whether it can be moved, and is not ready: {reason} "
        "An active migration needs its consent. Mend that in the partition, or shut it down and migrate it inactive.",
    ),
    # Found by the destination.
    "check-protocol": Message(
        "VIOSE01049000-9120",
        "{source} speaks version {theirs} of the peer protocol, {system} speaks version {ours}; they must be equal. "
        "Bring both consoles to the same version.",
    ),
    "check-stream-version": Message(
        "VIOSE01049000-9121",
        "The hypervisor of {source} has version {theirs}, that of {system} has version {ours}; an active migration "
        "needs equal ones. Bring both to the same version, or shut the partition down and migrate it inactive.",
    ),
    "check-partition-moved": Message(
        "VIOSE01049000-9161",
        "Partition {partition} (ID {lpar_id}) is on {remote}, as that console says: the database of this console was "
        "restored from a backup of before the move. Migrate it from {remote}; Restored Database removes its records "
        "here.",
    ),
    "check-records-left": Message(
        "VIOSE01049000-9162",
        "{system} has records of partition {partition} (ID {lpar_id}) from before its database was restored: "
        "{present}. Remove them on {system} under Restored Database, then validate again.",
    ),
    "check-partition-present": Message(
        "VIOSE01049000-9122",
        "Partition {partition} (ID {lpar_id}) is on {system} already: {present}. "
        "Where a migration is bringing it now, wait for its end; where an earlier one left it there, recover that "
        "one on {system}.",
    ),
    "check-name-taken": Message(
        "VIOSE01049000-9123",
        "{system} has another partition with the name {partition} (ID {other_id} there); a name is used once a "
        "system. Rename one of the two in its Partition Properties > General.",
    ),
    "check-too-many-partitions": Message(
        "VIOSE01049000-9124",
        "The most partitions that {system} supports is {most}, and it has so many: there is no place for "
        "{partition} (ID {lpar_id}). Migrate a client partition from there to another system first, or choose "
        "another destination.",
    ),
    "check-management-partition-alone": Message(
        "VIOSE01049000-9165",
        "The most partitions that {system} supports is {most}, and its management partition is one: there is no "
        "place for {partition} (ID {lpar_id}). Choose another destination.",
    ),
    "check-compatibility-mode": Message(
        "VIOSE01049000-9125",
        "Partition {partition} (ID {lpar_id}) needs the processor compatibility mode {mode}; {system} supports "
        "{modes}. Choose a mode that both systems support in Partition Properties > Processing, while the "
        "partition is Not Activated.",
    ),
    "check-memory": Message(
        "VIOSE01049000-9126",
        "Partition {partition} (ID {lpar_id}) needs {needed_mb} MB of memory; {system} has {free_mb} MB free. "
        "Reduce it in Partition Properties > Memory, while the partition is Not Activated, or free memory on "
        "{system}.",
    ),
    "check-region-size": Message(
        "VIOSE01049000-9127",
        "The memory region size of {source} is {theirs_mb} MB, that of {system} is {ours_mb} MB; an active migration "
        "needs equal ones. It is set with the server and not by this console: shut the partition down and migrate it "
        "inactive.",
    ),
    "check-region-multiple": Message(
        "VIOSE01049000-9128",
        "The minimum, assigned and maximum memory of partition {partition} (ID {lpar_id}) are {sizes}; on "
        "{system} memory is given in regions of {region_mb} MB. Change the sizes to multiples of that in "
        "Partition Properties > Memory, while the partition is Not Activated.",
    ),
    "check-units": Message(
        "VIOSE01049000-9129",
        "Partition {partition} (ID {lpar_id}) needs {needed} processing units; {system} has {free} free. Reduce "
        "them in Partition Properties > Processing, while the partition is Not Activated, or free some on "
        "{system}.",
    ),
    "check-slots": Message(
        "VIOSE01049000-9130",
        "Of the virtual slots of the management partition of {system}, partition {partition} (ID {lpar_id}) needs "
        "{needed}, and {found} are free. Free some there first: migrate or remove a client partition, or remove "
        "virtual SCSI adapters that nothing uses; on the command line by rmsyscfg and rmdev.",
    ),
    "check-luns-missing": Message(
        "VIOSE01049000-9131",
        "{system} sees {seen} of {needed} disks of partition {partition} (ID {lpar_id}) and needs to see all. "
        "Missing, with their names on {source}: {disks}. Map these LUNs to {system} on the SAN, then validate "
        "again.",
    ),
    "check-luns-mapped": Message(
        "VIOSE01049000-9132",
        "Disks of partition {partition} (ID {lpar_id}) are mapped to other partitions of {system}: {disks}. "
        "Whoever administers {system} has to remove these mappings first, on the command line there: rmvdev -vdev.",
    ),
    "check-networks": Message(
        "VIOSE01049000-9133",
        "Partition {partition} (ID {lpar_id}) uses virtual networks that {system} does not offer: {networks}. Each "
        "must exist on {system} and be bridged to a physical adapter; no page of the console does that. Or choose "
        "one that {system} offers in Partition Properties > Ethernet; there is: {known}.",
    ),
    "check-no-networks": Message(
        "VIOSE01049000-9166",
        "Partition {partition} (ID {lpar_id}) uses virtual networks that {system} does not offer: {networks}. Each "
        "must exist on {system} and be bridged to a physical adapter; none is now, and no page of the console does "
        "that. Have them made on {system}, or choose another destination.",
    ),
    "check-mac-addresses": Message(
        "VIOSE01049000-9134",
        "MAC addresses of partition {partition} (ID {lpar_id}) are in use on {system}: {addresses}. A MAC address "
        "may be there only once, and it goes with the slot. Remove the adapter of one of the two partitions where it "
        "was defined, and add it in another slot; on the command line by chhwres -r virtualio --rsubtype eth. Or "
        "choose another destination.",
    ),
    "check-id-changes": Message(
        "VIOSW01049000-9135",
        "The ID {lpar_id} of partition {partition} is in use on {system}; it will be {new_id} there. "
        "Free the ID on {system} if it has to stay.",
    ),
    "check-wanted-id": Message(
        "VIOSE01049000-9242",
        "Partition {partition} (ID {lpar_id}) is wanted with ID {wanted} on {system}, which is taken there or above "
        "{maximum}, the highest there. Name another ID, or none to let {system} choose.",
    ),
    "check-wanted-slots": Message(
        "VIOSE01049000-9243",
        "Partition {partition} (ID {lpar_id}) is wanted with the virtual slots {slots} of the management partition "
        "of {system}, which are taken or no slots for clients' SCSI adapters (11, 13, and so on). Name others, or "
        "none to let {system} choose.",
    ),
    "luns-unsettled": Message(
        "VIOSE01049000-9247",
        "The disks of partition {partition} (ID {lpar_id}) are being changed, or were and the hypervisor has not "
        "answered yet. Wait a moment, then migrate it.",
    ),
    "placement-unknown-slot": Message(
        "VIOSE01049000-9244",
        "Partition {partition} (ID {lpar_id}) has no virtual SCSI adapter in slot {slot}; it has them in: {slots}.",
    ),
    "check-slots-change": Message(
        "VIOSW01049000-9136",
        "Virtual adapters of partition {partition} (ID {lpar_id}) get other slots on {system}: {changes}. "
        "Free the slots and the partition ID on {system} if they have to stay.",
    ),
    "check-names-change": Message(
        "VIOSW01049000-9137",
        "User-defined virtual target devices of partition {partition} (ID {lpar_id}) get other names on {system}, "
        "since theirs are in use there: {changes}. Rename the devices on {system} if the names have to stay.",
    ),
    "disks-are-copies": Message(
        "VIOSE01049000-9729",
        "Partition {partition} (ID {lpar_id}) can't come to {system}: its disks there, {disks}, are not the LUNs "
        "that {source} uses, but copies with the same identity. Give {system} the LUNs themselves, and the copies "
        "identities of their own (init_lun).",
    ),
    "check-lun-devices": Message(
        "VIOSW01049000-9784",
        "Disks of partition {partition} (ID {lpar_id}) are block devices on {system}: {disks}. No lock on them "
        "holds between two servers; that only one runs the partition is left to the two consoles and the owner word "
        "on each LUN. Let no other server and no other program reach these LUNs.",
    ),
    "check-clocks": Message(
        "VIOSW01049000-9138",
        "The clock of {system} is {seconds} s {which} that of {source}. A migration does not mind, but times in "
        "their logs and reports can't be compared. Set both clocks, for example with NTP.",
    ),
    "check-current-mode": Message(
        "VIOSE01049000-9139",
        "Partition {partition} (ID {lpar_id}) runs in the processor compatibility mode {mode}; {system} supports "
        "{modes}. Shut it down, choose a mode that both systems support in Partition Properties > Processing, "
        "and activate "
        "it again.",
    ),
    "check-virtual-processors": Message(
        "VIOSE01049000-9140",
        "Partition {partition} (ID {lpar_id}) may have up to {most} virtual processors; {system} supports {there} "
        "for a partition. Reduce its maximum of virtual processors in Partition Properties > Processing, while it is "
        "Not Activated.",
    ),
    "check-units-per-processor": Message(
        "VIOSE01049000-9141",
        "Partition {partition} (ID {lpar_id}) has {units} processing units, and virtual processors: {processors}; "
        "{system} needs {needed} processing units for these, 0.1 for each. Give it more processing units or fewer "
        "virtual processors in Partition Properties > Processing, while it is Not Activated.",
    ),
    "check-memory-maximum": Message(
        "VIOSW01049000-9142",
        "The maximum memory of partition {partition} (ID {lpar_id}) is {most_mb} MB; {system} has {there_mb} MB for "
        "all its partitions. This alone does not prevent a migration, but the partition can't grow so far there. "
        "Reduce the maximum in Partition Properties > Memory when it is Not Activated.",
    ),
    "check-units-maximum": Message(
        "VIOSW01049000-9143",
        "The maximum of partition {partition} (ID {lpar_id}) is {most} processing units; {system} has {there} "
        "altogether. This alone does not prevent a migration, but the partition can't grow so far there. Reduce the "
        "maximum in Partition Properties > Processing when it is Not Activated.",
    ),
    "check-lun-sizes": Message(
        "VIOSE01049000-9144",
        "{system} sees disks of partition {partition} (ID {lpar_id}) with another size than {source} does: {disks}. "
        "Correct the mapping on the SAN, so that both see the same LUNs, then validate again.",
    ),
    "check-luns-unreadable": Message(
        "VIOSE01049000-9145",
        "{system} has disks of partition {partition} (ID {lpar_id}) in its records, but can't read them now: "
        "{disks}. Check the paths from {system} to the SAN, then validate again.",
    ),
    "check-lun-owners": Message(
        "VIOSE01049000-9146",
        "LUNs of partition {partition} (ID {lpar_id}) do not say that it is at {source}: {disks}. {system} would "
        "never be allowed to run it. Recover a migration of it that is not over. Without one a database was restored "
        "here or there: find out which server may run it, and take its LUNs under Restored Database of that console.",
    ),
    "check-luns-of-others": Message(
        "VIOSE01049000-9286",
        "LUNs of partition {partition} (ID {lpar_id}) are other partitions' by their owner words, so {system} would "
        "never be allowed to run it: {disks}. Where both have a LUN mapped, take it from one of them, by rmvdev on "
        "the console of that server. Then validate again.",
    ),
    "check-remains": Message(
        "VIOSE01049000-9147",
        "The hypervisor of {system} has {remains}, which no record of {system} knows, in the place that partition "
        "{partition} (ID {lpar_id}) needs. Find out on {system} what it is. Restored Database there shows it and "
        "removes it.",
    ),
    # The source's, continued.
    "check-state-differs": Message(
        "VIOSE01049000-9150",
        "Partition {partition} (ID {lpar_id}) is {state} by the records, but {told} by the hypervisor. "
        "The records follow within seconds; look at its State, then validate again.",
    ),
    "check-slot-numbers": Message(
        "VIOSE01049000-9151",
        "Partition {partition} (ID {lpar_id}) has a virtual adapter in slot C{slot}; its maximum of virtual slots is "
        "{most}, so the last one is below that. No page of the console changes either: correct them where the "
        "partition was defined.",
    ),
    "check-mover-unreachable": Message(
        "VIOSE01049000-9152",
        "{system} can't reach the place where the mover of {remote} would wait, {address}: {reason}. An active "
        "migration connects to it. Correct IVM_MOVER_HOST on {remote}, or the network between the two.",
    ),
    "check-mover-silent": Message(
        "VIOSW01049000-9153",
        "Nothing answers {system} at {address}, where the mover of {remote} would wait; it may be that a firewall "
        "drops connections while nobody listens. Make sure that it lets {system} through to that port.",
    ),
    "check-os-silent": Message(
        "VIOSW01049000-9154",
        "Partition {partition} (ID {lpar_id}) was asked over RMC whether it can be moved, and has not answered yet. "
        "Migrate asks again and waits for minutes. Check RMC in the partition if it stays silent.",
    ),
    # Check again, on a report's page.
    "check-again-needs-password": Message(
        "VIOSE01049000-9155",
        "This check is made by {remote}, for {user} there; no password of that user has been typed in this session "
        "lately. Press Validate on the Migrate page, with the password.",
    ),
    "check-again-other-type": Message(
        "VIOSE01049000-9156",
        "The report is about an {kind} migration; partition {partition} (ID {lpar_id}) is {state} now, so its "
        "migration would be of the other kind. Press Validate on the Migrate page for a new report.",
    ),
    "check-again-gone": Message(
        "VIOSE01049000-9157",
        "Partition {partition} is not on this system any more, so nothing of it can be checked from here. "
        "Look at its Migration Status, or use the console of the system that has it.",
    ),
    "check-again-unknown": Message(
        "VIOSE01049000-9158",
        "This report has no check {check} of that side; needed: one that it lists. Open the report again and choose "
        "one.",
    ),
    "checked-again": Message("VIOSI01049000-9159", "Checked again: {check}. Now: {outcome}."),
    "check-of-another-version": Message(
        "VIOSE01049000-9149",
        "{remote} made the check {check}, which this console does not know: found {measured}, needed {limit}. "
        "Look at it on {remote}, and bring both consoles to the same version.",
    ),
}
