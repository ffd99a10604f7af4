"""Running migrations, numbered from 9200."""

from ivmweb.common.errors import Message

MESSAGES = {
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
        "there. At the command line that is lslparmigr -r lpar, migrlpar -o s and migrlpar -o r.",
    ),
    "too-late-to-stop": Message(
        "VIOSE01049000-9202",
        "The migration of {partition} can't be stopped any more: it is {state}. That is possible only while memory "
        "is transferred, before the partition is handed over. Its Status page, or lslparmigr -r lpar, says how it "
        "goes on.",
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
