"""Messages about the managed system, its partitions, storage and networks (range 9050 to 9099).

Where the first part of IBM's code is known for a case, it is used with a number of ours.
"""

from ivmweb.common.errors import Message, register

register(
    {
        "no-right": Message(
            "VIOSE01049000-9050",
            "User {user} does not have the right to {right}. Log in as a user with the role Prime administrator.",
        ),
        "management-partition": Message(
            "VIOSE01049000-9051",
            "Partition {name} (ID {lpar_id}) is the management partition; {operation} would affect the whole server "
            "and is not offered by this console. Select client partitions only.",
        ),
        "partition-held": Message(
            "VIOSE01049000-9052",
            "Partition {name} (ID {lpar_id}) is reserved by another operation: {hold}. Wait for it to end. "
            "More Tasks > Mobility > Status shows a migration, Monitor Tasks what was begun on this console.",
        ),
        "partition-not-here": Message(
            "VIOSE010401A1-9053",
            "Partition {name} (ID {lpar_id}) is not on this system any more. Look at the list of partitions again.",
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
            "is {rmc_state}, and active is needed. Select the shutdown type Delayed or Immediate.",
        ),
        "operation-abandoned": Message(
            "VIOSE01049000-9058",
            "Partition {name} (ID {lpar_id}): {operation} was not carried out; the partition is {state}. "
            "Start the operation again.",
        ),
        "operation-superseded": Message(
            "VIOSI01049000-9059", "{operation} was overtaken by a later operation on the same partition."
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
            "{system} has its maximum of {maximum} partitions; partition {name} can't be added. "
            "Delete a partition on {system}.",
        ),
        "partition-name-taken": Message(
            "VIOSE01049000-9063",
            "{system} has a partition with the name {name} already (ID {lpar_id}). Rename one of the two.",
        ),
        "partition-already-here": Message(
            "VIOSE01049000-9064",
            "Partition {name} is on {system} already (ID {lpar_id}), reserved by: {hold}. "
            "Wait for the end of that operation, or recover it.",
        ),
        "no-virtual-slot": Message(
            "VIOSE01049000-9065",
            "Partition {name} (ID {lpar_id}) needs a virtual SCSI slot; the management partition of {system} has "
            "none free below {maximum}. Remove virtual adapters that are not used.",
        ),
        "lun-not-found": Message(
            "VIOSE01049000-9066",
            "Partition {name} needs the LUN {unique_id}; {system} does not see it. "
            "Check the zoning and LUN masking of {system}'s Fibre Channel adapter.",
        ),
        "lun-in-use": Message(
            "VIOSE01049000-9067",
            "Partition {name} needs the LUN {unique_id}; on {system} it is {volume} and assigned to partition "
            "{owner}. Remove that assignment.",
        ),
        "mac-address-taken": Message(
            "VIOSE01049000-9068",
            "Partition {name} has the MAC address {mac_address}; on {system} partition {owner} has it already. "
            "Change one of the two.",
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
    }
)
