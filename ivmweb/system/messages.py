"""Messages about the managed system, its partitions, storage and networks (range 9050 to 9099, and 9615 on).

Where the first part of IBM's code is known for a case, it is used with a number of ours.
"""

from ivmweb.common.errors import Message, register

register(
    {
        "no-right": Message(
            "VIOSE01049000-9050",
            "User {user} may not {right}. Log in as a user whose role allows it.",
        ),
        "key-wrong": Message(
            "VIOSE01049000-9581",
            "{given} is no public key: {reason}. Give a line of an OpenSSH public key file, in quotes.",
        ),
        "key-unknown": Message(
            "VIOSE01049000-9582",
            "{user} has no key {named}. Name it by itself, its comment or its fingerprint.",
        ),
        "keys-full": Message(
            "VIOSE01049000-9583",
            "{user} has {most} keys already. Remove one with mkauthkeys -r first.",
        ),
        "keys-need-account": Message(
            "VIOSE01049000-9584",
            "Keys belong to a user of this console. Log in over SSH and run the command there.",
        ),
        "remote-has-own-name": Message(
            "VIOSE01049000-9098",
            "{name} is the name of this console, so no remote system can have it. Type the host name of the other "
            "console.",
        ),
        "units-too-fine": Message(
            "VIOSE01049000-9096",
            "{field} is {value}; processing units are given in hundredths. Type at most two decimals.",
        ),
        "device-unknown": Message(
            "VIOSE01049000-9097",
            "{thing} has no {unknown} that could be changed; there is: {known}. Name one of these.",
        ),
        "password-old-wrong": Message(
            "VIOSE01049000-9088",
            "The old password of {user} is not correct, so nothing was changed. It is case-sensitive; type it again.",
        ),
        "password-same": Message(
            "VIOSE01049000-9089",
            "The new password of {user} is the old one. Type another one.",
        ),
        "passwords-differ": Message(
            "VIOSE01049000-9090",
            "The two new passwords are not the same, so nothing was changed. Type the new password twice.",
        ),
        "password-refused": Message(
            "VIOSE01049000-9091",
            "The new password of {user} is not accepted, and nothing was changed: {reasons} Type another one.",
        ),
        "user-id-wrong": Message(
            "VIOSE01049000-9092",
            "{user} can't be a user ID. Begin with a letter, then use letters, digits, dots, hyphens or underscores, "
            "at most 32.",
        ),
        "user-exists": Message(
            "VIOSE01049000-9093",
            "There is a user {user} already. Choose another user ID.",
        ),
        "user-exists-in-other-case": Message(
            "VIOSE01049000-9042",
            "There is a user {user} already, and no two user IDs may differ only in upper and lower case. "
            "Choose another user ID.",
        ),
        "role-not-given": Message(
            "VIOSE01049000-9094",
            "The role {role} can't be given to a new user. Choose one of: {roles}.",
        ),
        "prime-administrator-stays": Message(
            "VIOSE01049000-9095",
            "User {user} is the prime administrator and can't be removed. Select another user.",
        ),
        "management-partition": Message(
            "VIOSE01049000-9051",
            "Partition {name} (ID {lpar_id}) is the management partition; {operation} would affect the whole server "
            "and is not offered by this console. Select client partitions only.",
        ),
        "terminal-of-management": Message(
            "VIOSE01049000-9685",
            "Partition {name} (ID {lpar_id}) is the management partition; it has no virtual terminal, since this "
            "console is its own. Name a client partition.",
        ),
        "profile-name-wrong": Message(
            "VIOSE01049000-9686",
            "{name} can't be the name of a backup: it has 1 to {longest} letters A to Z, digits, periods, hyphens "
            "and underscores, begins with a letter or digit, and has no path. Choose another name.",
        ),
        "profile-not-there": Message(
            "VIOSE01049000-9687",
            "There is no backup {name} on this console; there is: {known}. Name one of these, or make one first.",
        ),
        "profile-unreadable": Message(
            "VIOSE01049000-9688",
            "The backup {name} can't be used: {reason}. Nothing was changed. Name another backup.",
        ),
        "profile-of-other-system": Message(
            "VIOSE01049000-9689",
            "The backup {name} is of the system {other}; this one is {system}. Nothing was changed. Name a backup of "
            "this system.",
        ),
        "profile-lun-owned": Message(
            "VIOSE01049000-9690",
            "Partition {name} (ID {lpar_id}) of the backup needs the LUN {unique_id}, which says that it belongs to "
            "{owner}. Nothing was changed. Free the LUN, or make a backup without that partition.",
        ),
        "profile-lun-unreadable": Message(
            "VIOSE01049000-9691",
            "Partition {name} (ID {lpar_id}) of the backup needs the LUN {unique_id}; whose it is can't be read: "
            "{reason}. Nothing was changed. Mend the connection to the SAN, then try again.",
        ),
        "profile-id-taken": Message(
            "VIOSE01049000-9692",
            "Partition {name} of the backup has the ID {lpar_id}, which partition {owner} has now. Nothing was "
            "changed. Remove or migrate {owner} first.",
        ),
        "profile-id-unrecorded": Message(
            "VIOSE01049000-9610",
            "Partition {name} of the backup has the ID {lpar_id}, under which the hypervisor has another partition, "
            "{other}, which is in no record. Nothing was changed. Find out what that one is, and end it first.",
        ),
        "profile-device-taken": Message(
            "VIOSE01049000-9693",
            "Partition {name} (ID {lpar_id}) of the backup needs {device}, which is not there or not free. Nothing "
            "was changed. Free it first.",
        ),
        "profile-runs-unrecorded": Message(
            "VIOSE01049000-9694",
            "The hypervisor runs partition {name} (ID {lpar_id}), of which this console has no record. Nothing was "
            "changed. Look at Restored Database first: it tells what belongs to no record.",
        ),
        "profiles-full": Message(
            "VIOSE01049000-9695",
            "There are {limit} backups on this console, as many as it keeps. Name one that is to be replaced, or "
            "remove one from {folder} on the console's machine.",
        ),
        "profile-unwritable": Message(
            "VIOSE01049000-9696",
            "The backup {name} could not be written: {reason}. An earlier one of that name is as it was. Make room "
            "on the console's machine, then try again.",
        ),
        "profile-left-moved": Message(
            "VIOSW01049000-9697",
            "Partition {name} (ID {lpar_id}) was left out: it has moved to {remote}. Work with it there.",
        ),
        "profile-left-told": Message(
            "VIOSW01049000-9611",
            "Partition {name} (ID {lpar_id}) was left out: it has moved to {remote}, as that console said when asked "
            "last. Work with it there. Where it has left {remote} since, press Ask the other consoles again in "
            "Restored Database, then restore again.",
        ),
        "profile-left-owned": Message(
            "VIOSW01049000-9698",
            "Partition {name} (ID {lpar_id}) was left out: its LUNs say that the system {owner} has it. Work with it "
            "there.",
        ),
        "profile-left-unknown": Message(
            "VIOSW01049000-9683",
            "Partition {name} (ID {lpar_id}) was left out: the backup is older than what this console remembers of "
            "migrations, and no LUN says that the partition is still this system's. Where no other system has it, "
            "make it anew.",
        ),
        "profile-left-held": Message(
            "VIOSW01049000-9699",
            "Partition {name} (ID {lpar_id}) was left as it is: it is reserved by another operation: {hold}. Wait "
            "for it to end, then restore again.",
        ),
        "profile-left-running": Message(
            "VIOSW01049000-9684",
            "Partition {name} (ID {lpar_id}) was left as it is: its state is {state}, and Not Activated is needed. "
            "Shut it down, then restore again.",
        ),
        "partition-held": Message(
            "VIOSE01049000-9052",
            "Partition {name} (ID {lpar_id}) is reserved by another operation: {hold}. Wait for it to end. "
            "More Tasks > Mobility > Status or lslparmigr -r lpar shows a migration, Monitor Tasks what was begun on "
            "this console.",
        ),
        "partition-reserved": Message(
            "VIOSE01049000-9043",
            "Partition {name} (ID {lpar_id}) is reserved: {hold}. That is no task of this console, so nothing here "
            "ends it. Ask whoever reserved the partition to let it go, then try again.",
        ),
        "partition-moved": Message(
            "VIOSE01049000-9087",
            "Partition {name} (ID {lpar_id}) is on {remote}, as that console says: the database of this console was "
            "restored from a backup of before the move. Nothing was changed. Work with it on {remote}; "
            "Restored Database removes its records here.",
        ),
        "partition-not-here": Message(
            "VIOSE010401A1-9053",
            "Partition {name} (ID {lpar_id}) is not on this system any more: it was removed or has moved. Nothing "
            "was changed. Look at View/Modify Partitions for those that there are.",
        ),
        "wrong-state": Message(
            "VIOSE01049000-9054",
            "Partition {name} (ID {lpar_id}) is in state {state}; {operation} needs the state {needed}. "
            "Wait for that state or bring it about.",
        ),
        "already-activated": Message(
            "VIOSE01042026-9055",
            "Partition {name} (ID {lpar_id}) is activated already: its state is {state}. Nothing has to be done.",
        ),
        "not-activated": Message(
            "VIOSE01050901-9056",
            "Partition {name} (ID {lpar_id}) is not activated, so it can't be shut down. Nothing has to be done.",
        ),
        "rmc-not-active": Message(
            "VIOSE01050905-9057",
            "The operating system of partition {name} (ID {lpar_id}) can't be asked to shut down: its RMC connection "
            "is {rmc_state}, and active is needed. Select the shutdown type Delayed or Immediate, or press Retrieve "
            "Capabilities in Partition Properties > General when RMC is back.",
        ),
        "no-system-to-ask": Message(
            "VIOSE01049000-9049",
            "Partition {name} (ID {lpar_id}) is in state {state}, so no operating system runs in it that could be "
            "asked to shut down. Select the shutdown type Delayed or Immediate; where it is starting, you can also "
            "wait until it is Running.",
        ),
        "operation-abandoned": Message(
            "VIOSE01049000-9058",
            "Partition {name} (ID {lpar_id}): {operation} was not carried out; the partition is {state}. "
            "Start the operation again.",
        ),
        "operation-superseded": Message(
            "VIOSI01049000-9059",
            "{operation} was overtaken by a later operation on the same partition, which counts. Nothing has to be "
            "done.",
        ),
        "not-enough-memory": Message(
            "VIOSE01049000-9060",
            "Partition {name} (ID {lpar_id}) needs {needed_mb} MB of memory; {system} has {free_mb} MB free. "
            "Reduce the partition's memory or free memory on {system}.",
        ),
        "not-enough-units": Message(
            "VIOSE01049000-9061",
            "Partition {name} (ID {lpar_id}) needs {needed} processing units; {system} has {free} free. "
            "Reduce the partition's processing units or free some on {system}.",
        ),
        "no-partition-id": Message(
            "VIOSE01049000-9062",
            "The most partitions that {system} supports is {maximum}, and it has so many; partition {name} can't be "
            "added. Choose another system, or migrate a client partition away from {system} first.",
        ),
        "partition-name-taken": Message(
            "VIOSE01049000-9063",
            "{system} has a partition with the name {name} already (ID {lpar_id}). Choose another name, or "
            "rename that one in its Partition Properties > General.",
        ),
        "partition-already-here": Message(
            "VIOSE01049000-9064",
            "Partition {name} (ID {lpar_id}) is on {system} already, in the state {state}, reserved by: {hold}. A "
            "system has a partition once, so nothing was changed. Look at it in View/Modify Partitions of {system}: "
            "wait there until nothing reserves it, then migrate it from the system that has it.",
        ),
        "wanted-id-taken": Message(
            "VIOSE01049000-9245",
            "Partition {name} is wanted with ID {wanted} on {system}, which is taken there or above {maximum}, the "
            "highest there. Name another ID, or none to let {system} choose.",
        ),
        "no-virtual-slot": Message(
            "VIOSE01049000-9065",
            "Partition {name} (ID {lpar_id}) needs a virtual SCSI slot; the management partition of {system} has "
            "none free below {maximum}. Free one there first: migrate or remove a client partition, or remove a "
            "virtual SCSI adapter that nothing uses; on the command line by rmsyscfg and rmdev.",
        ),
        "lun-not-found": Message(
            "VIOSE01049000-9066",
            "Partition {name} needs the LUN {unique_id}; {system} does not see it. "
            "Check the zoning and LUN masking of {system}'s Fibre Channel adapter.",
        ),
        "lun-in-use": Message(
            "VIOSE01049000-9067",
            "Partition {name} needs the LUN {unique_id}; on {system} it is {volume} and assigned to partition "
            "{owner}. Whoever administers {system} has to remove that assignment first, on the command line there: "
            "rmvdev -vdev {volume}.",
        ),
        "mac-address-taken": Message(
            "VIOSE01049000-9068",
            "Partition {name} has the MAC address {mac_address}; on {system} partition {owner} has it already, and "
            "it may be there only once. The address goes with the slot: remove one of the two adapters where it was "
            "defined, and add it in another slot; on the command line by chhwres -r virtualio --rsubtype eth.",
        ),
        "partition-refused": Message(
            "VIOSE01049000-9069",
            "The configuration of partition {name} (ID {lpar_id}) contradicts itself or this system's records: "
            "{reason}. Correct the partition's profile.",
        ),
        "system-identity-wrong": Message(
            "VIOSE01049000-9070",
            "IVM_SYSTEM is {identity!r}; it must be the type-model and serial number of this server with a star "
            "between, as in 7998-61X*100390A.",
        ),
        "system-too-small": Message(
            "VIOSE01049000-9071",
            "The hypervisor has {memory_mb} MB of memory; firmware and management partition need {needed_mb} MB. "
            "Give it more memory.",
        ),
        "properties-changed-meanwhile": Message(
            "VIOSE01049000-9072",
            "The properties of {thing} were changed elsewhere after this page had been opened. Nothing was "
            "changed now. Look at the present values, then make the change again.",
        ),
        "properties-need-off": Message(
            "VIOSE01049000-9073",
            "Partition {name} (ID {lpar_id}) is in state {state}; these properties can be changed in the state Not "
            "Activated only: {fields}. Shut the partition down, then change them.",
        ),
        "devices-need-rmc": Message(
            "VIOSE01049000-9074",
            "Partition {name} (ID {lpar_id}) is in state {state} and its RMC connection is {rmc_state}; its adapters "
            "can be changed while it is Not Activated, or Running with an active RMC connection. Press Retrieve "
            "Capabilities in Partition Properties > General, or shut the partition down.",
        ),
        "value-out-of-range": Message(
            "VIOSE01049000-9075",
            "{field} is {value}; it must be a number from {low} to {high}. Correct it, then send it again.",
        ),
        "value-not-offered": Message(
            "VIOSE01049000-9076",
            "{field} is {value}; there is: {choices}. Choose one of these, then send it again.",
        ),
        "name-not-usable": Message(
            "VIOSE01049000-9077",
            "{field} is {value}; it must have 1 to {longest} characters, begin with a letter or digit, and have only "
            "letters A to Z, digits, periods, hyphens and underscores. Correct it, then send it again.",
        ),
        "memory-not-in-regions": Message(
            "VIOSE01049000-9078",
            "{field} is {value}; memory is given in regions of {region_mb} MB. Type a multiple of that.",
        ),
        "values-not-in-order": Message(
            "VIOSE01049000-9079",
            "{minimum_field} is {minimum}, {field} is {value}, {maximum_field} is {maximum}; none of them may be "
            "more than the one after it. Correct them, then send it again.",
        ),
        "memory-not-free": Message(
            "VIOSE01049000-9080",
            "Partition {name} (ID {lpar_id}) would need {more_mb} MB more; {system} has {free_mb} MB free. Assign "
            "{most_mb} MB at most, or free memory on {system}.",
        ),
        "units-not-free": Message(
            "VIOSE01049000-9081",
            "Partition {name} (ID {lpar_id}) would need {more} processing units more; {system} has {free} free. "
            "Assign {most} at most, or free some on {system}.",
        ),
        "units-for-processors": Message(
            "VIOSE01049000-9082",
            "{units_field} of partition {name} (ID {lpar_id}) is {units}, {processors_field} is {processors}; a "
            "shared virtual processor has 0.1 to 1 processing unit, so {least} to {processors} are needed. Correct "
            "one of the two.",
        ),
        "units-for-dedicated": Message(
            "VIOSE01049000-9083",
            "{units_field} of partition {name} (ID {lpar_id}) is {units}, {processors_field} is {processors}; a "
            "dedicated processor is one whole processing unit. Make the two equal, or choose the processing mode "
            "Shared.",
        ),
        "vlan-unknown": Message(
            "VIOSE01049000-9084",
            "There is no virtual network with VLAN {vlan_id} on this system; there is: {known}. Choose one of these.",
        ),
        "adapter-essential": Message(
            "VIOSE01049000-9085",
            "The management partition of {system} reaches all physical volumes through the adapter {location}, so it "
            "can't be assigned to another partition. Choose another adapter.",
        ),
        "whole-number-not-readable": Message(
            "VIOSE01049000-9053",
            '{field} is "{value}"; it must be a whole number. Type digits only, without a period or comma.',
        ),
        "bandwidth-out-of-range": Message(
            "VIOSE01049000-9099",
            "{field} is {value}; it must be 0 (no limit) or a number from {low} to {high}. Correct it, then send "
            "it again.",
        ),
        "number-not-readable": Message(
            "VIOSE01049000-9086",
            '{field} is "{value}", which can\'t be read as a number. Type digits, with a period before decimals (two '
            "at most).",
        ),
        "storage-unknown": Message(
            "VIOSE01049000-9650",
            "There is no {kind} {name} on {system}; there is: {known}. Name one of these.",
        ),
        "pool-full": Message(
            "VIOSE01049000-9651",
            "{name} needs {needed_mb} MB of storage pool {pool}, which has {free_mb} MB free. Ask for less, or "
            "remove what is in the pool and not needed.",
        ),
        "device-name-not-usable": Message(
            "VIOSE01049000-9652",
            "{name} can't be the name of a device. Begin with a letter, then use letters, digits, dots, hyphens or "
            "underscores, at most {longest} characters.",
        ),
        "device-name-taken": Message(
            "VIOSE01049000-9653",
            "{name} is the name of a device of {system} already. Choose another name.",
        ),
        "backing-device-mapped": Message(
            "VIOSE01049000-9654",
            "{backing} is mapped already: as {device} at {adapter}, to partition {name} (ID {lpar_id}). Remove that "
            "virtual target device first.",
        ),
        "lun-numbers-used-up": Message(
            "VIOSE01049000-9655",
            "{adapter} has as many virtual target devices as it can have, up to LUN {most}. Remove one of them.",
        ),
        "lun-of-another": Message(
            "VIOSE01049000-9656",
            "{backing} (LUN {unique_id}) can't be mapped to partition {name} (ID {lpar_id}): its owner word says "
            "{owner}. It has to be free, or to say this partition on {system}. Remove it from that partition, on the "
            "console of the server that the word names.",
        ),
        "lun-not-readable": Message(
            "VIOSE01049000-9657",
            "{backing} (LUN {unique_id}) can't be read by {system} now: {reason}. Mend its path, then map it again.",
        ),
        "media-file-failed": Message(
            "VIOSE01049000-9658",
            "The file of the virtual optical medium {name} can't be made: {reason}. Mend that on the machine of the "
            "console {system}, then try again.",
        ),
        "repository-missing": Message(
            "VIOSE01049000-9659",
            "{system} has no virtual media repository. Create it first, in one of the storage pools.",
        ),
        "repository-exists": Message(
            "VIOSE01049000-9660",
            "{system} has its virtual media repository already: {size_mb} MB in storage pool {pool}. There is one at "
            "most; use that one.",
        ),
        "repository-not-empty": Message(
            "VIOSE01049000-9661",
            "The virtual media repository of {system} holds media: {media}. Remove these first.",
        ),
        "medium-name-not-usable": Message(
            "VIOSE01049000-9662",
            "{name} can't be the name of a virtual optical medium. Begin with a letter, a digit or an underscore, "
            "then use these, dots or hyphens, at most {longest} characters.",
        ),
        "medium-exists": Message(
            "VIOSE01049000-9663",
            "There is a virtual optical medium {name} on {system} already. Choose another name.",
        ),
        "repository-full": Message(
            "VIOSE01049000-9664",
            "{name} needs {needed_mb} MB of the virtual media repository of {system}, which has {free_mb} MB free. "
            "Ask for less, or remove media.",
        ),
        "medium-loaded": Message(
            "VIOSE01049000-9665",
            "The virtual optical medium {medium} is loaded in {devices}. Unload it there first.",
        ),
        "drive-empty": Message("VIOSE01049000-9666", "{device} has no medium loaded, so there is nothing to unload."),
        "drive-full": Message(
            "VIOSE01049000-9667",
            "{device} has the medium {medium} loaded. Unload it first.",
        ),
        "not-optical": Message(
            "VIOSE01049000-9668",
            "{device} maps {backing} and is no optical drive, so it takes no media. Name a virtual optical drive.",
        ),
        "not-mapped": Message(
            "VIOSE01049000-9648", "{backing} is not mapped to a partition, so there is nothing to remove."
        ),
        "no-volume-behind": Message(
            "VIOSE01049000-9647",
            "{device} maps {backing}, which is no logical volume and can't be deleted with it. Remove the virtual "
            "target device alone.",
        ),
        "adapter-has-devices": Message(
            "VIOSE01049000-9649",
            "{adapter} has virtual target devices: {devices}. Remove these first.",
        ),
        "partition-id-taken": Message(
            "VIOSE01049000-9615",
            "Partition {name} can't have the ID {lpar_id}: on {system} partition {owner} has it. Choose another ID, "
            "or leave it out.",
        ),
        "partition-id-unrecorded": Message(
            "VIOSE01049000-9616",
            "Partition {name} can't have the ID {lpar_id}: the hypervisor of {system} has a partition with it that "
            "is in no record. Choose another ID, or leave it out.",
        ),
        "partition-id-out-of-range": Message(
            "VIOSE01049000-9617",
            "Partition {name} can't have the ID {lpar_id}; on {system} it must be a number from {low} to {maximum}. "
            "Choose another ID, or leave it out.",
        ),
        "slot-out-of-range": Message(
            "VIOSE01049000-9618",
            "Partition {name} (ID {lpar_id}) can't have an adapter in virtual slot {slot}; it must be a number from "
            "{low} to {high}. Choose another slot.",
        ),
        "slot-taken": Message(
            "VIOSE01049000-9619",
            "Virtual slot {slot} of partition {name} (ID {lpar_id}) is taken; those with an adapter are {taken}. "
            "Choose another slot.",
        ),
        "server-slot-not-usable": Message(
            "VIOSE01049000-9620",
            "The management partition of {system} can't have a virtual SCSI adapter in slot {slot}; it must be an "
            "odd number from {low} to {high} that is not taken. Choose another slot, or leave it out.",
        ),
        "mac-base-wrong": Message(
            "VIOSE01049000-9621",
            "{value} can't begin MAC addresses; ten hexadecimal digits are needed, the second of them 2, 6, A or E. "
            "Correct it, or leave it out.",
        ),
        "slots-in-use": Message(
            "VIOSE01049000-9622",
            "Partition {name} (ID {lpar_id}) has an adapter in virtual slot {slot}, so {most} is too few virtual "
            "slots; it needs {needed}. Choose more, or remove that adapter first.",
        ),
        "no-adapter-in-slot": Message(
            "VIOSE01049000-9623",
            "Partition {name} (ID {lpar_id}) has no virtual {kind} adapter in slot {slot}; those it has are in: "
            "{known}. Name one of these.",
        ),
        "network-needs-off": Message(
            "VIOSE01049000-9755",
            "Partition {name} (ID {lpar_id}) is {state}; with this hypervisor a partition keeps its network adapters "
            "while it runs. Shut it down, then add or remove them.",
        ),
        "partition-being-removed": Message(
            "VIOSE01049000-9625",
            "Partition {name} (ID {lpar_id}) is being removed. Wait for the end; where the removal was broken off, "
            "remove the partition again, which finishes it.",
        ),
        "hypervisor-has-another": Message(
            "VIOSE01049000-9626",
            "Partition {name} (ID {lpar_id}) can't be removed: under that ID the hypervisor has another partition, "
            "{other}, which is in no record. Nothing was changed. Find out what that one is, and end it first.",
        ),
        "lun-not-freed": Message(
            "VIOSE01049000-9627",
            "Partition {name} (ID {lpar_id}) can't be removed: its LUN {unique_id} can't be read, so it can't be "
            "freed: {reason}. Nothing was changed. Bring the LUN back, or take it away from the partition first.",
        ),
        "removal-died": Message(
            "VIOSE01049000-9629",
            "The removal of partition {name} (ID {lpar_id}) was broken off, and nobody went on with it; the "
            "partition stays. Remove it again if it is to go.",
        ),
        "slots-used-up": Message(
            "VIOSE01049000-9633",
            "Partition {name} (ID {lpar_id}) has no free virtual slot for an adapter: all of its {most} are taken. "
            "Remove an adapter, or give the partition more virtual slots.",
        ),
        "volume-unsettled": Message(
            "VIOSE01049000-9785",
            "Virtual disk {volume} can't be deleted now: the hypervisor has not answered a change of the disks of "
            "partition {name} (ID {lpar_id}), so {volume} may still be one of them. That is settled by itself as "
            "soon as the hypervisor answers; then try again.",
        ),
        "volume-without-file": Message(
            "VIOSE01049000-9786",
            "Virtual disk {volume} ({size_mb} MB) was recorded by an earlier version and has no file, so no "
            "partition can use it. Delete it and create it again.",
        ),
        "drive-changed": Message(
            "VIOSE01049000-9787",
            "Somebody else changed what is in the optical drive {device} meanwhile. Look at lsvopt, then repeat what "
            "is still wanted.",
        ),
        "image-not-importable": Message(
            "VIOSE01049000-9788",
            "{file} can't be imported on {system}: {reason}. Put the image itself, no link to it, into the folder "
            "{folder} of the server, and give its name.",
        ),
        "nothing-to-boot": Message(
            "VIOSE01049000-9791",
            "Partition {name} (ID {lpar_id}) is activated, but its firmware found nothing to boot and waits at its "
            "prompt (reference code {code}). Look at its disks, at the medium in its drive and at what it boots "
            "from; Open terminal window shows what the firmware has tried.",
        ),
        "medium-not-here": Message(
            "VIOSE01049000-9792",
            "Partition {name} (ID {lpar_id}) comes with the medium {medium} loaded, and {system} has no read-only "
            "medium with the same content. Make one there of the same image (mkvopt -file -ro), or unload it first.",
        ),
        "removal-overtaken": Message(
            "VIOSE01049000-9628",
            "Partition {name} (ID {lpar_id}) was removed by somebody else meanwhile. Nothing has to be done.",
        ),
        "removal-taken-over": Message(
            "VIOSE01049000-9287",
            "Somebody else removes partition {name} (ID {lpar_id}) as well, and began later: that removal goes on, "
            "and this one has ended. Monitor Tasks shows how it goes.",
        ),
        "volume-copied": Message(
            "VIOSE01049000-9780",
            "{backing} (LUN {unique_id}) can't be mapped: it was there more than once when {system} last looked for "
            "LUNs. Take the copy away, let cfgdev look again, then map it.",
        ),
        "volume-smaller": Message(
            "VIOSE01049000-9781",
            "Partition {name} (ID {lpar_id}) can't be activated: {volumes} of it have become smaller than they were "
            "when they were recorded, so what was at their end is gone. Give the LUNs their size again and let "
            "cfgdev look, or take them from the partition (rmvdev).",
        ),
        "volume-in-use": Message(
            "VIOSE01049000-9782",
            "{volume} can't be removed: it is mapped to partition {name} (ID {lpar_id}). Remove the virtual target "
            "device {device} first.",
        ),
        "volume-present": Message(
            "VIOSE01049000-9783",
            "{volume} can't be removed: its LUN {unique_id} is there, and cfgdev would find it again. Take it from "
            "where {system} looks for LUNs first, then let cfgdev look.",
        ),
    }
)
