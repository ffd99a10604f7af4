"""Messages of the pages: choices in the partition list, log-in, rights, faults of the console itself."""

from ivmweb.common.errors import Message, register

_ = Message

register(
    {
        "login-refused": _(
            "VIOSE01049000-9001",
            "The user ID or the password is not correct. Both are case-sensitive; type them again.",
        ),
        "login-locked": _(
            "VIOSE01049000-9002",
            "Logging in as {user} from {address} is refused: {limit} wrong passwords were typed. Wait {minutes} min, "
            "then log in with the right password.",
        ),
        "choose-partition": _(
            "VIOSE01049000-9003",
            "No partition is selected, and the task {task} needs one. Select the check box of a partition, then "
            "start the task again.",
        ),
        "choose-one-partition": _(
            "VIOSE01049000-9004",
            "{count} partitions are selected ({names}); the task {task} takes exactly one. Leave one check box "
            "selected, then start the task again.",
        ),
        "choose-task": _(
            "VIOSE01049000-9005",
            "No task is chosen. Choose one in More Tasks, then press Go.",
        ),
        "chosen-partition-gone": _(
            "VIOSE01049000-9006",
            "There is no partition with ID {lpar_id} on {host}: it was removed, or the ID in the address is wrong. "
            "Nothing was changed. Open View/Modify Partitions, which has all that there are, and select one of them.",
        ),
        "chosen-partition-moved": _(
            "VIOSE01049000-9029",
            "Partition {name}, which had the ID {lpar_id} on {host}, is not here any more: it has moved to {remote}. "
            "Nothing was changed. Work with it on the console of {remote}, or select another one in View/Modify "
            "Partitions.",
        ),
        "never-migrated": _(
            "VIOSI01049000-9007",
            "Partition {name} (ID {lpar_id}) has not been migrated from or to {host}, so there is no status to show. "
            "Once a migration has been started, this page shows it.",
        ),
        "never-prepared": _(
            "VIOSI01049000-9009",
            "{host} never prepared the migration {id}: {remote} ended it before, as one that was stopped in its "
            "queue. Nothing of it is here, and nothing is to do. {remote} shows which partition it was and where "
            "that is.",
        ),
        "choose-row": _(
            "VIOSE01049000-9008",
            "No task is selected, and Properties needs one. Select one in the table, then press Properties.",
        ),
        "page-not-found": _(
            "VIOSE01049000-9010",
            "There is no page {path} on this console. Go back to View/Modify Partitions.",
        ),
        "form-expired": _(
            "VIOSE01049000-9011",
            "The form was not accepted, because it was made for another session or its session is over; nothing was "
            "changed. Open the page again, then repeat the task.",
        ),
        "refused-here": _(
            "VIOSE01049000-9012",
            "The request was refused, and nothing was changed. Open the page again, then repeat the task.",
        ),
        "hypervisor-silent": _(
            "VIOSW01049000-9013",
            "The hypervisor of {host} does not answer, so the state of its partitions is not known now. This page "
            "shows them again as soon as it answers; if it stays like this, look at the hypervisor's log.",
        ),
        "internal-error": _(
            "VIOSE01049000-9019",
            "The console met an error of its own while it answered. What was asked for may not have been done: look "
            "at View/Modify Partitions and Monitor Tasks before you repeat it. The console's log has the details.",
        ),
        "nothing-to-change": _(
            "VIOSI01049000-9020",
            "Nothing was changed: the properties of {thing} were as asked already.",
        ),
        "rmc-answers": _(
            "VIOSI01049000-9021",
            "The operating system of partition {name} (ID {lpar_id}) answers over RMC: its connection is active.",
        ),
        "rmc-does-not-answer": _(
            "VIOSW01049000-9022",
            "The operating system of partition {name} (ID {lpar_id}) does not answer over RMC: its connection is "
            "inactive. Check the RMC daemon and the network in the partition, then press Retrieve Capabilities "
            "again.",
        ),
        "history-out-of-range": _(
            "VIOSE01049000-9023",
            'View history is "{value}"; it must be a whole number from 1 to {most}, so the latest {shown} are shown. '
            "Type such a number, then press Go.",
        ),
        "terminal-moved": _(
            "VIOSI01049000-9024",
            "Partition {name} has moved to {remote}, so its terminal here is closed. There it has the ID "
            "{remote_id}; open its terminal window there.",
        ),
        "terminal-closed": _(
            "VIOSI01049000-9025",
            "The hypervisor has closed the terminal of partition {name} (ID {lpar_id}); its last line says why. "
            "Press Connect to open it again.",
        ),
        "terminal-session-over": _(
            "VIOSE01049000-9026",
            "The terminal of partition {name} (ID {lpar_id}) is closed: your session is over, or your account has "
            "changed. Log in, then open the terminal window again.",
        ),
        "terminal-token-void": _(
            "VIOSE01049000-9027",
            "The terminal was not opened: the page's token was used already, or is older than {seconds} s. Press "
            "Connect to try again.",
        ),
        "terminals-full": _(
            "VIOSE01049000-9028",
            "There are {limit} terminal windows open on this console already. Close one, then press Connect.",
        ),
        "partition-created": _(
            "VIOSI01049000-9789",
            "Partition {name} is created with the ID {lpar_id}. Select it and press Activate to start it.",
        ),
        "partition-deleted": _(
            "VIOSI01049000-9790",
            "Partition {name}, which had the ID {lpar_id}, is deleted. Its disks are free for other partitions.",
        ),
        "activated": _(
            "VIOSI01049000-9014",
            "Activation of partition {name} (ID {lpar_id}) has started; its State shows Running once it has booted.",
        ),
        "shutting-down": _(
            "VIOSI01049000-9015",
            "Shutdown of partition {name} (ID {lpar_id}) has started; its State shows Not Activated once it is off.",
        ),
        "restarting": _(
            "VIOSI01049000-9018",
            "Restart of partition {name} (ID {lpar_id}) has started; its State shows Running again once it has "
            "booted.",
        ),
        "stop-accepted": _(
            "VIOSI01049000-9016",
            "Stop came in time: the migration of {name} is rolled back, and the partition stays on {host}.",
        ),
        "stopped-before": _(
            "VIOSI01049000-9046",
            "The migration of {name} was stopped already, at {when}; nothing more is done now.",
        ),
        "recovered": _("VIOSI01049000-9017", "Recover of partition {name}: {what}"),
        "password-changed": _(
            "VIOSI01049000-9030",
            "The password of {user} is changed. Other sessions of {user} have ended.",
        ),
        "user-created": _("VIOSI01049000-9031", "User {user} is created, with the role {role}."),
        "user-removed": _("VIOSI01049000-9032", "User {user} is removed, and the user's sessions have ended."),
        "user-not-selected": _(
            "VIOSE01049000-9033",
            "No user is selected, and the button needs one. Select one in the table, then press the button again.",
        ),
        "user-gone": _(
            "VIOSE01049000-9034",
            "{host} has no such user: the account that was selected, or that is meant by the page's address, was "
            "removed, or never was there. Nothing was changed. Open View/Modify User Accounts again, which has all "
            "users that there are, and select one of them.",
        ),
        "typed-kept": _(
            "VIOSI01049000-9035",
            "Your session had ended, so nothing was carried out. What you typed or selected is here again, "
            "except for passwords: look at it, then press the button once more.",
        ),
        "typed-by-another": _(
            "VIOSI01049000-9041",
            "What {owner} had typed here before that session ended was not shown to {user} and is not kept any more; "
            "nothing of it was carried out.",
        ),
        "migration-unknown": _(
            "VIOSE01049000-9044",
            "{host} has no migration with the number {number}: the address is wrong, or another console has it. More "
            "Tasks > Mobility > Status of a partition in View/Modify Partitions leads to its latest one.",
        ),
        "report-unknown": _(
            "VIOSE01049000-9045",
            "{host} has no validation report with the number {number}: the address is wrong, or it was removed, "
            "since only the newest reports are kept. Validate the partition again on its Migrate page.",
        ),
        "press-lost": _(
            "VIOSI01049000-9037",
            "Your session had ended, so the button that you pressed was not carried out, and nothing was changed. "
            "Look at the page as it is now, then press the button once more.",
        ),
        "form-without-cookies": _(
            "VIOSE01049000-9038",
            "The browser sent none of this console's cookies with the form: they were deleted or are blocked. So "
            "nothing was carried out, and what was typed could not be kept. Allow cookies for {host}, open the page "
            "again, log in, and fill in the form once more.",
        ),
        "page-takes-nothing": _(
            "VIOSE01049000-9039",
            "{path} is a page to look at; it takes {allowed}, and {method} was sent to it. Nothing was changed. Open "
            "the page with the link below.",
        ),
        "address-of-a-button": _(
            "VIOSE01049000-9040",
            "{path} is not a page but the address of a button; it takes {allowed}, and {method} was sent to it. "
            "Nothing was changed. Open the page with the link below, then press its button.",
        ),
        "filter-wrong": _(
            "VIOSE01049000-9036",
            "{value} is no value of the filter {field}, so that part of the address was left out. Choose a value in "
            "the filter, then press Filter.",
        ),
    }
)
