"""Acts of an operator while the other console is silent, and restored databases; numbered from 9218."""

from ivmweb.common.errors import Message

MESSAGES = {
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
