"""Messages of Live Partition Mobility: checks (9100), running migrations (9200), peers and trust (9300)."""

from ivmweb.common.errors import Message, register

CHECK_MESSAGES = {
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
        "No other system sees these. Copy logical volumes to physical volumes of the SAN, and remove virtual optical "
        "drives.",
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
        "{needed}, and {found} are free. Migrate a client partition from there first, or have its maximum of virtual "
        "slots raised; no page of the console does that.",
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
        "Whoever administers {system} has to remove these mappings first; no page of the console does that.",
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
        "may be there only once. Give the adapter of the partition that is named here another one where that "
        "partition was defined, or remove it; no page of the console does that. Or choose another destination.",
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

RUN_MESSAGES = {
    "partition-is-held": Message(
        "VIOSE01049000-9200",
        "Partition {partition} (ID {lpar_id}) was taken by another operation meanwhile: its state is {state}, "
        "reserved by: {hold}. Nothing was started. Wait for that operation to end (see Monitor Tasks), then try "
        "again.",
    ),
    "partition-state-changed": Message(
        "VIOSE01049000-9209",
        "The state of partition {partition} (ID {lpar_id}) changed meanwhile from {needed} to {state}, so nothing "
        "was started. Look at it in View/Modify Partitions, then try again.",
    ),
    "partition-is-migrating": Message(
        "VIOSE01049000-9201",
        "Partition {partition} has a migration already that is not over, and only one of it can go on. Watch that "
        "one with More Tasks > Mobility > Status: wait for its end, or press Stop or Recover while it is offered "
        "there.",
    ),
    "too-late-to-stop": Message(
        "VIOSE01049000-9202",
        "The migration of {partition} can't be stopped any more: it is {state}. Its Status page says where the "
        "partition is and what to do.",
    ),
    "worker-lost": Message(
        "VIOSE01049000-9211",
        "The worker {worker} of {system} stopped answering in the middle of the migration of {partition}. "
        "Look at its log; it is started again by itself. Then migrate the partition again.",
    ),
    "rolled-back-by-source": Message(
        "VIOSE01049000-9212",
        "{remote} has rolled the migration of {partition} back and keeps the partition. {cause}",
    ),
    "partition-went-down": Message(
        "VIOSE01049000-9213",
        "The hypervisor of {system} ended while {partition} was being migrated, so the partition is Not Activated "
        "now. Activate it, then migrate it again.",
    ),
    "declined-by-destination": Message(
        "VIOSE01049000-9214",
        "{remote} declined {partition}, which was taken back and is on {system}; the Status page of {remote} says "
        "why. Mend that, then migrate the partition again.",
    ),
    "image-lost": Message(
        "VIOSE01049000-9215",
        "The hypervisor of {system} ended after the memory of {partition} had arrived, so the partition was handed "
        "back to {remote}. The hypervisor is started again by itself; look at its log, then migrate the partition "
        "again.",
    ),
    "mover-silent": Message(
        "VIOSE01049000-9216",
        "{remote} lost the connection to the mover of {system} and keeps {partition}. That mover had reported "
        "nothing by then: it was ended, or the network was cut. Look at its log (mover-in of {system}), then migrate "
        "again.",
    ),
    "worker-absent": Message(
        "VIOSE01049000-9217",
        "The worker {worker} of {system} was asked for the migration of {partition} and did not come within "
        "{seconds} s. Look whether it runs, and at its log. Then migrate the partition again.",
    ),
    "stop-on-source": Message(
        "VIOSE01049000-9203",
        "The migration of {partition} is stopped on its source. Press Stop on the console of {remote}; if that one "
        "is lost, look at Recover here.",
    ),
    "remote-user-missing": Message(
        "VIOSE01049000-9204",
        "Remote user ID is empty. Type a user of {remote} that may migrate partitions, for example padmin.",
    ),
    "remote-password-missing": Message(
        "VIOSE01049000-9205",
        "Password is empty, and {user} has not logged in to {remote} from here lately. "
        "Type the password of {user} on {remote}.",
    ),
    "peer-declined": Message(
        "VIOSE01049000-9206",
        "{remote} has ended the migration of {partition}, and the partition stays on this system. Its Status page "
        "on {remote} says why; mend that, then migrate it again.",
    ),
    "peer-not-ready": Message(
        "VIOSE01049000-9207",
        "{remote} reserved what the partition needs, but its mover was not ready in time. Check that the mover-in "
        "worker of {remote} runs, then migrate again.",
    ),
    "migration-overtaken": Message(
        "VIOSE01049000-9208",
        "The migration of {partition} was ended while its state was arriving; it is {state} now. The partition "
        "stays on {remote}: see its Status page there, then migrate it again.",
    ),
    "partition-records-gone": Message(
        "VIOSE01049000-9210",
        "The records of partition {partition} (ID {lpar_id}) are gone while its migration is open. "
        "Look at the partition on both consoles, then recover the migration.",
    ),
}

PEER_MESSAGES = {
    # What a user meets who asks another console.
    "peer-unreachable": Message(
        "VIOSE01049000-9300",
        "The console of {remote} at {address} can't be reached: {reason}. "
        "Check that it runs and that the network between the two consoles works, then try again.",
    ),
    "peer-timeout": Message(
        "VIOSE01049000-9301",
        "The console of {remote} at {address} did not answer within {timeout_s} s. "
        "Check that it runs, that its server is not overloaded, and that the network between the two consoles works; "
        "then try again.",
    ),
    "peer-connection-lost": Message(
        "VIOSE01049000-9302",
        "The connection to the console of {remote} at {address} was lost before the answer came: {reason}. "
        "Try again.",
    ),
    "peer-certificate-changed": Message(
        "VIOSE01049000-9303",
        "The console at {address} shows another certificate than the one confirmed for {remote}: "
        "fingerprint {new}, confirmed was {old}. If the administrator of {remote} says that its certificate was "
        "replaced, compare the new fingerprint with them and confirm it for the remote system {remote} "
        "(IVM Management > Remote Systems, Re-pin); otherwise somebody else answers at that address.",
    ),
    "peer-certificate-refused": Message(
        "VIOSE01049000-9304",
        "The certificate of {remote} at {address} can't be used: {reason}. Replace it on {remote}, then confirm the "
        "new fingerprint here.",
    ),
    "peer-secret-unreadable": Message(
        "VIOSE01049000-9317",
        "A secret that this console keeps for a migration can't be read: IVM_SECRET_KEY is not the one under which "
        "it was written, so no message to the other console can be signed, and none of its messages can be checked. "
        "Set IVM_SECRET_KEY of this console back to what it was, and start the console again.",
    ),
    "peer-refused": Message("VIOSE01049000-9305", "{remote} says: [{remote_code}] {remote_message}"),
    "peer-wrong-password": Message(
        "VIOSE01049000-9306",
        "User {user} can't log in to {remote}: the user ID is unknown there or the password is wrong. "
        "Type both again as they are on {remote}.",
    ),
    "peer-locked-out": Message(
        "VIOSE01049000-9307",
        "User {user} is locked out of {remote} after too many failed attempts. Wait {minutes} min, or let an "
        "administrator of {remote} unlock the user.",
    ),
    "peer-answer-malformed": Message(
        "VIOSE01049000-9308",
        "The console of {remote} gave an answer that can't be used: {detail}. Check that an ivmweb console of the "
        "same version runs at its address.",
    ),
    "peer-protocol-differs": Message(
        "VIOSE01049000-9309",
        "The console of {remote} speaks version {theirs} of the peer protocol, this one speaks version {ours}. "
        "Bring both consoles to the same version.",
    ),
    "peer-identity-changed": Message(
        "VIOSE01049000-9310",
        "The console of {remote} manages system {found}; the entry {remote} is of system {known}. "
        "Remove that remote system and add it again (IVM Management > Remote Systems) if the server was replaced.",
    ),
    # What a user typed as Remote IVM or HMC.
    "remote-empty": Message(
        "VIOSE01049000-9311",
        "Remote IVM or HMC is empty. Type the host name or address of the destination's console.",
    ),
    "remote-unknown": Message(
        "VIOSE01049000-9312",
        "{typed} is not a remote system of this console. Known are: {known}. "
        "Type one of these, or add it in IVM Management > Remote Systems.",
    ),
    "remote-none-known": Message(
        "VIOSE01049000-9316",
        "{typed} is not a remote system of this console. No remote system is known; add one in IVM Management > "
        "Remote Systems.",
    ),
    "remote-is-system-name": Message(
        "VIOSE01049000-9313",
        "{typed} is the name of a managed system; Remote IVM or HMC takes the host name of its console. "
        "Type {host_name}.",
    ),
    "remote-is-itself": Message(
        "VIOSE01049000-9314",
        "{typed} is this console itself. A partition can't be migrated to the system it is on; type another system's "
        "console. Known are: {known}.",
    ),
    "remote-ambiguous": Message(
        "VIOSE01049000-9315",
        "{typed} may mean more than one console, this one included: {matches}. Type the host name, "
        "or the address with its port.",
    ),
    # What a console answers to another one.
    "peer-token-missing": Message(
        "VIOSE01049000-9320", "The request carries no mobility token. Log in with user ID and password first."
    ),
    "peer-token-unknown": Message(
        "VIOSE01049000-9321", "The mobility token is not valid any more. Type the password of the remote user again."
    ),
    "peer-token-expired": Message(
        "VIOSE01049000-9322",
        "The mobility token of user {user} has expired. Type the password of the remote user again.",
    ),
    "peer-token-of-another": Message(
        "VIOSE01049000-9323",
        "The mobility token was given to system {issued_to} and is used by system {used_by}. "
        "Log in from the system that wants to migrate.",
    ),
    "peer-view-only": Message(
        "VIOSE01049000-9324",
        "User {user} of {remote} may look at things and change nothing. "
        "Use a remote user that may migrate, or have one with the role View/Modify created on {remote} "
        "(View/Modify User Accounts there).",
    ),
    "peer-too-many-notes": Message(
        "VIOSE01049000-9318",
        "{remote} keeps {most} notes about migrations that ended before it knew of them, and takes no more of user "
        "{user} of system {system_identity} now. They are kept for 30 days. Type the password of the remote user "
        "again, or wait.",
    ),
    "peer-source-unknown": Message(
        "VIOSE01049000-9325",
        "{remote} does not know the system {system_identity} of {host_name} as a remote system, so it could not ask "
        "it back. Add {host_name} to the remote systems of {remote} (IVM Management > Remote Systems there) and "
        "confirm its fingerprint.",
    ),
    "peer-source-certificate": Message(
        "VIOSE01049000-9363",
        "{host_name} shows another certificate than the one confirmed for it on {remote}: fingerprint {shown}, "
        "confirmed was {confirmed}. {remote} could not ask it back. Where the certificate was replaced, confirm the "
        "new one on {remote} (IVM Management > Remote Systems there, Re-pin).",
    ),
    "peer-is-itself": Message(
        "VIOSE01049000-9326",
        "The request comes from system {system_identity}, which is the system of {remote} itself. "
        "Choose another system as the destination.",
    ),
    "peer-signature-wrong": Message(
        "VIOSE01049000-9327",
        "The message about migration {migration_id} is not signed with the secret of that migration. "
        "It was not read; check the remote systems of both consoles.",
    ),
    "peer-role-wrong": Message(
        "VIOSE01049000-9328",
        "The message about migration {migration_id} speaks as its {role}, which is {remote} itself. It was not "
        "read. If that comes again, look at the log of both consoles.",
    ),
    "peer-migration-differs": Message(
        "VIOSE01049000-9329",
        "The message names migration {named} and was sent for migration {addressed}. It was not read. If that comes "
        "again, look at the log of both consoles.",
    ),
    "peer-migration-unknown": Message(
        "VIOSE01049000-9330",
        "This console has no migration {migration}. Its records may have been restored from a backup; "
        "look at the partition on both consoles before recovering it.",
    ),
    "peer-not-json": Message("VIOSE01049000-9331", "The request is not JSON. Send a message of the peer API."),
    "peer-request-invalid": Message(
        "VIOSE01049000-9332",
        "The request is not a message of peer protocol version {protocol}: {detail}. "
        "Check that both consoles have the same version.",
    ),
    "peer-request-too-large": Message(
        "VIOSE01049000-9333", "The request has {size} bytes; {limit} bytes is the most. Send less."
    ),
    "peer-length-missing": Message(
        "VIOSE01049000-9334", "The request does not say its length. Send a Content-Length header."
    ),
    "peer-not-found": Message("VIOSE01049000-9335", "There is nothing at {path}. See /api/v1/openapi.json."),
    "peer-busy": Message(
        "VIOSE01049000-9336", "The console could not reach its database just now. Try again in a few seconds."
    ),
    "keys-not-trusted": Message(
        "VIOSE01049000-9339",
        "{user} at {remote} does not let {own_user} of {host} in by key. Run `mkauthkeys --ip {remote} -u {user}` to "
        "change that.",
    ),
    "peer-key-refused": Message(
        "VIOSE01049000-9338",
        "The key of the user who asks does not log in {user} at {remote}. Run mkauthkeys on the console that asks, "
        "or type the password.",
    ),
    "peer-http": Message("VIOSE01049000-9337", "The request was refused: {detail}. See /api/v1/openapi.json."),
}

FORCE_MESSAGES = {
    # Acts of an operator while the other console is silent, and restored databases.
    "force-partner-answers": Message(
        "VIOSE01049000-9220",
        "{remote} answers, since {since}, and says that the migration of {partition} is {state}. Nothing was forced: "
        "this act is for a console that does not answer. Press Recover.",
    ),
    "force-partner-refuses": Message(
        "VIOSE01049000-9221",
        "The console of {remote} is not off: it answered, though not as needed: {answer} Nothing was forced on "
        "{partition}. Mend that, then press Recover.",
    ),
    "force-cannot-ask": Message(
        "VIOSE01049000-9218",
        "{remote} is not off: it answers, but this console can't ask it about the migration of {partition}. {answer} "
        "Nothing was forced. Then press Recover. Where the old key is lost, only acts that make no claim about "
        "{remote} are possible while it answers.",
    ),
    "force-wrong-state": Message(
        "VIOSE01049000-9222",
        '"{act}" is not possible for {partition}: its migration is {state} here; needed: {needed}. Nothing was '
        "changed. Open Recover again to see what is possible now.",
    ),
    "force-wrong-fact": Message(
        "VIOSE01049000-9223",
        '"{act}" is not possible for {partition}: the hypervisor of this system says {fact}; needed: {needed}. '
        "Nothing was changed. Open Recover again to see what is possible now.",
    ),
    "force-luns-theirs": Message(
        "VIOSE01049000-9224",
        "A LUN of {partition} says that {remote} may run the partition; needed: all LUNs owned by or offered to this "
        "system. Nothing was changed. Bring the console of {remote} back, then press Recover.",
    ),
    "force-luns-unread": Message(
        "VIOSE01049000-9225",
        "The LUNs of {partition} can't be read, so nobody knows which system may run it. Nothing was changed. Look "
        "at the paths to the LUNs of this system, then try again.",
    ),
    "force-name-differs": Message(
        "VIOSE01049000-9226",
        'The name typed is "{typed}"; needed: {partition}, as the partition is called. Nothing was changed. Type it '
        "exactly, then press the button again.",
    ),
    "force-not-claimed": Message(
        "VIOSE01049000-9227",
        'The claim of "{act}" for {partition} is not ticked; needed: every tick box of the act. Nothing was changed. '
        "Tick them only after somebody has looked at the other machine.",
    ),
    "force-overtaken": Message(
        "VIOSE01049000-9228",
        "The migration of {partition} has changed while you decided; it is {state} now. Nothing was forced. Open "
        "Recover again to see what is possible now.",
    ),
    "force-unknown": Message(
        "VIOSE01049000-9229",
        "{act} is no act of Recover; needed: one of {needed}. Nothing was changed. Open Recover again.",
    ),
    "force-partner-silent": Message(
        "VIOSE01049000-9239",
        "{remote} does not answer, so nobody knows what it has of {partition}. Nothing "
        "was changed. Bring the console of {remote} back, then open Recover again. ({answer})",
    ),
    "force-no-conflict": Message(
        "VIOSE01049000-9240",
        "{remote} says that the migration of {partition} is {state} and its hypervisor says {fact}: it has not got "
        "the partition as well, so there is nothing to leave to it. Nothing was changed. Press Recover.",
    ),
    "force-yield-image": Message(
        "VIOSE01049000-9241",
        "{partition} cannot be left to {remote} now: its hypervisor says {fact}; needed: one that runs it or is off, "
        "since memory that is kept there may be older than the disks. Nothing was changed. Yield on {remote} "
        "instead, or look again in a minute.",
    ),
    "forced": Message("VIOSI01049000-9230", '"{act}" of partition {name}: {what}'),
    "database-restored": Message(
        "VIOSE01049000-9232",
        "The database of this console was restored from a backup, and not every remote system was asked yet where "
        "partitions are. Nothing is activated or migrated until then. Bring the other consoles back, or go on under "
        "Restored Database.",
    ),
    "restore-not-claimed": Message(
        "VIOSE01049000-9233",
        "The claim is not ticked, so nothing was changed; needed: that somebody has looked at every other console. "
        "Look at them first, then tick it.",
    ),
    "restore-not-moved": Message(
        "VIOSE01049000-9234",
        "No other console says that it has the partition {partition}; needed: one that is held as moved. Nothing was "
        "changed. Look at Restored Database again.",
    ),
    "restore-runs-here": Message(
        "VIOSE01049000-9235",
        "Partition {partition} runs here and {remote} says that it has it, so its records are not removed. Shut it "
        "down on one of the two systems first.",
    ),
    "restore-superseded": Message(
        "VIOSE01049000-9260",
        "The database of this console was restored from a backup that was made during this migration of {partition}, "
        "and {remote} or another console has a later one on record: this one is over. Where the partition is now, "
        "View/Modify Partitions and Restored Database say.",
    ),
    "restore-no-configuration": Message(
        "VIOSE01049000-9261",
        "Partition {partition} (ID {lpar_id}) can't get its records back: its partner has not kept its "
        "configuration. Restore a backup of this console that has the partition.",
    ),
    "restore-id-taken": Message(
        "VIOSE01049000-9262",
        "The hypervisor has partition {partition} under the ID {lpar_id}, which another partition of this console "
        "has on record. Nothing was changed. Restore a backup of this console that has the partition.",
    ),
    "restore-never": Message(
        "VIOSE01049000-9263",
        "The database of this console was never restored from a backup: there is nothing to ask the other consoles.",
    ),
    "restore-not-stranded": Message(
        "VIOSE01049000-9264",
        "The LUNs of partition {partition} do not say another server, or it is being migrated, or held; nothing was "
        "changed. Look at Restored Database again.",
    ),
    "restore-owner-silent": Message(
        "VIOSE01049000-9265",
        "{remote}, whose server the LUNs of {partition} name, has to say first that it does not have the partition: "
        "{answer} Nothing was changed. Bring that console back, then try again.",
    ),
    "restore-owner-has-it": Message(
        "VIOSE01049000-9266",
        "{remote} has partition {partition} on record, or runs it, so its LUNs stay as they are. Work with it there; "
        "what only runs there without a record is ended there, under Restored Database.",
    ),
    "restore-partner-silent": Message(
        "VIOSE01049000-9272",
        "{remote} has to say first that it has partition {partition} on record: {answer} Nothing was changed. Bring "
        "that console back, then try again.",
    ),
    "restore-partner-unknown": Message(
        "VIOSE01049000-9273",
        "{remote}, which has said that it has partition {partition}, is no remote system of this console any more, "
        "so it can't be asked. Nothing was changed. Add it again under Remote Systems, then try again.",
    ),
    "restore-only-records": Message(
        "VIOSE01049000-9274",
        "{remote} does not have partition {partition} any more, so its records here may be the only ones and stay. "
        "Select Ask the other consoles again; then it can be activated here.",
    ),
    "restore-runs-without-record": Message(
        "VIOSE01049000-9275",
        "Partition {partition} runs on {remote}, in no record of that console, so its records here are the only ones "
        "and stay. End it on {remote} under Restored Database, then select Ask the other consoles again here, and "
        "activate it here.",
    ),
    "restore-last-of-it": Message(
        "VIOSE01049000-9276",
        "No console that answers has partition {partition} on record, so nothing would be left of its definition. "
        "Nothing was changed. Restore a database that has it, here or on another console; or tick that its "
        "definition may be gone.",
    ),
    "given-up-by-order": Message(
        "VIOSE01049000-9277",
        "An operator gave {partition} up while {remote} did not answer, and the memory that was kept on {system} was "
        "thrown away. {remote} had not taken it over, so it is on {system}, Not Activated. Activate it, then migrate "
        "it again.",
    ),
    "forced-back-there": Message(
        "VIOSE01049000-9278",
        "While {system} did not answer, an operator ordered {partition} to run on {remote} again; its memory that "
        "had arrived here is not kept. If it was restarted from its disks there, what was only in memory is lost. "
        "There is nothing to do here.",
    ),
    "restore-lun-of-another": Message(
        "VIOSE01049000-9267",
        "A LUN of partition {partition} says that it is another partition's, on {owner}. Nothing was changed. Take "
        "it off this partition in Partition Properties > Storage, or off that one.",
    ),
    "restore-no-leftover": Message(
        "VIOSE01049000-9268",
        "The hypervisor has no partition {partition} that is in no record here; nothing was changed. Look at "
        "Restored Database again.",
    ),
    "restore-taken": Message(
        "VIOSI01049000-9269",
        "The LUNs of partition {partition} say this server now: it can be activated here.",
    ),
    "restore-leftover-removed": Message(
        "VIOSI01049000-9270", "Partition {partition} is removed from the hypervisor of this server."
    ),
    "restore-asked": Message("VIOSI01049000-9271", "The other consoles are asked again."),
    "restore-confirmed": Message("VIOSI01049000-9236", "Partitions may be activated and migrated."),
    "restore-removed": Message("VIOSI01049000-9237", "The records of partition {partition} are removed here."),
    "peer-question-unsigned": Message(
        "VIOSE01049000-9238",
        "The question is not signed by a console that {remote} knows. Check that each console knows the other's "
        "present certificate (IVM Management > Remote Systems).",
    ),
    "peer-answer-outdated": Message(
        "VIOSE01049000-9231",
        "{remote} answered from a database that has been replaced by a backup since, so the answer is not believed. "
        "Wait some seconds: this console asks again by itself.",
    ),
}

RECORD_MESSAGES = {
    # The hand-over record, as the destination answers the source's console; it asks again by itself.
    "record-not-accepted": Message(
        "VIOSE01049000-9360",
        "{remote} did not accept partition {partition} from the source in this migration, which is {state}, so it "
        "signs no hand-over record. Look at the Status page of {remote}.",
    ),
    "record-not-ready": Message(
        "VIOSE01049000-9361",
        "{remote} does not know the digest of the memory of partition {partition} yet. Ask again in some seconds.",
    ),
    "record-not-proved": Message(
        "VIOSE01049000-9362",
        "{remote} does not sign the hand-over record of partition {partition}: {reason} Look at the partition on "
        "both consoles, and whether each knows the other's present certificate (IVM Management > Remote Systems).",
    ),
}

REMOTE_SYSTEM_MESSAGES = {
    # Remote Systems: making other consoles known.
    "remote-name-wrong": Message(
        "VIOSE01049000-9340",
        "{name} can't be the name of a remote system. Type the host name of its console: letters, digits, hyphens "
        "and dots, at most 63.",
    ),
    "remote-address-wrong": Message(
        "VIOSE01049000-9341",
        "{address} is no address. Type host name or IP address and HTTPS port of the other console, "
        "for example uli14.example.com:8443.",
    ),
    "remote-is-this-console": Message(
        "VIOSE01049000-9342",
        "{address} is this console, {host}. Type the address of another system's console.",
    ),
    "remote-name-known": Message(
        "VIOSE01049000-9343",
        "There is a remote system {name} already, at {address}. Choose another name, or remove it first.",
    ),
    "remote-address-known": Message(
        "VIOSE01049000-9344",
        "{address} is the address of the remote system {name}. Nothing has to be added; "
        "to give it another name, remove it first.",
    ),
    "remote-system-known": Message(
        "VIOSE01049000-9345",
        "The console at {address} manages {system}, which is known as the remote system {name} at {known_address}. "
        "If its address has changed, remove it first.",
    ),
    "remote-not-a-console": Message(
        "VIOSE01049000-9346",
        "What answers at {address} is no ivmweb console of this version: {detail}. "
        "Check host name and port; the port is the one of its HTTPS.",
    ),
    "remote-certificate-unsteady": Message(
        "VIOSE01049000-9347",
        "{address} showed two different certificates one after the other. Check with its administrator that a single "
        "console answers there, then try again.",
    ),
    "remote-not-shown": Message(
        "VIOSE01049000-9348",
        "No certificate waits for your confirmation, or it is another one than this page shows; nothing was changed. "
        "Begin again in Remote Systems.",
    ),
    "remote-not-confirmed": Message(
        "VIOSE01049000-9349",
        "The fingerprint is not confirmed, so nothing was changed. Compare it with the one that the administrator of "
        "{name} sees, then select the check box.",
    ),
    "remote-certificate-same": Message(
        "VIOSI01049000-9350",
        "{name} shows the certificate that is confirmed, {fingerprint}. There is nothing to re-pin.",
    ),
    "remote-gone": Message(
        "VIOSE01049000-9351",
        "There is no remote system {name} here, or it was changed meanwhile, so nothing was done. "
        "Open Remote Systems for those that there are.",
    ),
    "remote-in-use": Message(
        "VIOSE01049000-9352",
        "{name} can't be removed while migrations with it are not over: {partitions}. Wait for them, or Stop or "
        "Recover them in Migration Status, then remove it.",
    ),
    "remote-not-selected": Message(
        "VIOSE01049000-9353",
        "No remote system is selected, and the button needs one. Select one in the table, then press the button "
        "again.",
    ),
    "remote-added": Message(
        "VIOSI01049000-9354",
        "{name} is a remote system now, with the certificate {fingerprint}. Its administrator must add this console "
        "there as well before partitions can migrate.",
    ),
    "remote-repinned": Message(
        "VIOSI01049000-9355", "The certificate of {name} is {fingerprint} now; the old one is not accepted any more."
    ),
    "remote-removed": Message(
        "VIOSI01049000-9356",
        "{name} is removed: nothing migrates to or from it any more. Migrations that are on record stay so.",
    ),
}

register(CHECK_MESSAGES)
register(FORCE_MESSAGES)
register(RECORD_MESSAGES)
register(RUN_MESSAGES)
register(PEER_MESSAGES)
register(REMOTE_SYSTEM_MESSAGES)
