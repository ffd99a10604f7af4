"""Messages of the command line, which speaks English. IBM's own codes and words where known; ours from 9550 on."""

from ivmweb.common.errors import Message, register

register({
    # IBM's.
    "cli-parameter-missing": Message(
        "VIOSE01040120-0006", "Required parameter {option} or its value is missing or not valid."
    ),
    "cli-no-results": Message("VIOSI01040010-0003", "No results were found."),
    "cli-no-partition": Message(
        "VIOSE010401A1-0042",
        "There is no partition {partition} on {system}. `lssyscfg -r lpar -F name` tells which there are.",
    ),
    "cli-parameter-unknown": Message("VIOSE01040123-0009", "Parameter {option} is not valid.{hint}"),
    # Ours.
    "cli-value-wrong": Message(
        "VIOSE01049000-9550", "{option} of {command} can't be {value}; needed: {needed}."
    ),
    "cli-parameters-exclude": Message(
        "VIOSE01049000-9551", "{first} and {second} exclude each other; give one of them."
    ),
    "cli-operand": Message(
        "VIOSE01049000-9552", "{command} takes no {value} here. `{command} --help` shows its syntax."
    ),
    "cli-parameter-twice": Message("VIOSE01049000-9553", "{option} is given twice; give it once."),
    "cli-attribute-unknown": Message(
        "VIOSE01049000-9554", "There is no attribute {attribute} here; there are: {attributes}."
    ),
    "cli-filter-unknown": Message(
        "VIOSE01049000-9555", "There is no filter {name} here; there are: {filters}."
    ),
    "cli-pairs-wrong": Message(
        "VIOSE01049000-9556",
        "{text} is no list of name=value pairs. Write name=value,name=value; a pair whose value has commas stands "
          'as a whole in double quotes: "name=a,b".',
    ),
    "cli-other-system": Message(
        "VIOSE01049000-9557",
        "{option} names {value}, and this console manages {system} ({identity}) only. Leave {option} out, or name "
          "that system.",
    ),
    "cli-target-differs": Message(
        "VIOSE01049000-9558",
        "{remote} manages {system} ({identity}), not {value}. Name its managed system after -t; --ip takes the "
          "host.",
    ),
    "cli-not-there": Message("VIOSE01049000-9559", "{command}: there is no {kind} {name} on {system}."),
    "cli-no-terminal": Message(
        "VIOSE01049000-9560",
        "A password for {user} at {remote} is needed, and there is no terminal to ask for it. Run the command from "
          "a terminal, e.g. by ssh -t.",
    ),
    "cli-line-too-long": Message(
        "VIOSE01049000-9561", "The command line has more than {limit} characters. Nothing was run."
    ),
    "cli-not-allowed": Message(
        "VIOSE01049000-9562",
        "{what} is not possible in this shell: it runs commands one after the other, with ; && || and | into grep. "
          "Put quotes around it where it is meant as text.",
    ),
    "cli-quote-open": Message("VIOSE01049000-9563", "The quotation mark {mark} is not closed. Nothing was run."),
    "cli-incomplete": Message(
        "VIOSE01049000-9564",
        "Syntax error near {near}: there is no command {where}. Nothing was run. Write one there, or take {near} "
          "out.",
    ),
    "cli-not-text": Message(
        "VIOSE01049000-9565", "The command line has a control character ({character}). Nothing was run."
    ),
    "cli-pattern-wrong": Message(
        "VIOSE01049000-9566", "{command}: the pattern {pattern} can't be read: {reason}."
    ),
    "cli-pattern-slow": Message(
        "VIOSE01049000-9567", "{command}: the pattern {pattern} takes too long on this text. Write a simpler one."
    ),
    "cli-into-what": Message(
        "VIOSE01049000-9568", "Output can be piped into {filters} only, not into {command}."
    ),
    "cli-interrupted": Message("VIOSE01049000-9569", "Interrupted. The migration of {partition} goes on."),
    "cli-file-unreadable": Message("VIOSE01049000-9570", "{file} can't be read: {reason}."),
    "cli-not-mapped-so": Message(
        "VIOSE01049000-9571", "{attribute}={value} can't be done: {reason}."
    ),
    "cli-not-migrating": Message(
        "VIOSE01049000-9572", "{partition} does not migrate, so there is nothing to {act}."
    ),
    "cli-has-moved": Message(
        "VIOSE01049000-9613",
        "{partition} has moved to {remote}: its migration is over, so there is nothing to {act}. Work with it there.",
    ),
    "cli-account-changed": Message(
        "VIOSE01049000-9614", "Your account has changed since you logged in. Nothing was run. Log in again."
    ),
    "cli-not-vscsi": Message("VIOSE01049000-9574", "{device} is not a server virtual SCSI adapter."),
    "cli-not-vethernet": Message("VIOSE01049000-9575", "{device} is not a server virtual Ethernet adapter."),
    "cli-not-vfc": Message("VIOSE01049000-9578", "{device} is not a server virtual Fibre Channel adapter."),
    "cli-no-attribute": Message(
        "VIOSE01049000-9576", "{device} has no attribute {attribute}; it has: {attributes}."
    ),
    "cli-unexpected": Message(
        "VIOSE01049000-9577", "{command} failed for a reason that is not foreseen; the log of this console has it."
    ),
    "cli-no-command": Message("VIOSE01049000-9579", "There is no command {command}. `help` lists them."),
    "cli-needs-operator": Message(
        "VIOSE01049000-9580",
        "Nobody but an operator can say how the migration of {partition} goes on. Open its page Recover, on either "
          "console.",
    ),
    "cli-not-piped": Message(
        "VIOSE01049000-9670", "{command} is a conversation, so there is no output to pipe. Run it alone."
    ),
    "cli-terminal-moved": Message(
        "VIOSI01049000-9671",
        "Partition {partition} has moved to {remote}, so its virtual terminal here is closed. Open it there: mkvt "
          "-id {remote_id}.",
    ),
    "cli-terminals-full": Message(
        "VIOSE01049000-9672",
        "There are {limit} virtual terminals open over this command line. Close one with ~. or rmvt, then try again.",
    ),
    "cli-terminal-revoked": Message(
        "VIOSE01049000-9673",
        "The virtual terminal of {partition} is closed: the account of {user} has changed. Log in again.",
    ),
    "cli-only-commands": Message(
        "VIOSE01049000-9637",
        "{what} is not possible here: this SSH server runs commands of the Virtual I/O Server, and nothing else. Log "
          "in without it; help lists the commands.",
    ),
    "cli-recovered": Message("VIOSI01049000-9635", "Recover of partition {partition}: {what}"),
    "cli-not-recovered": Message(
        "VIOSE01049000-9636",
        "The migration of {partition} is not recovered. {what} Run the command again once that has changed; the page "
          "Recover of the migration has what is left to do.",
    ),
    "cli-did-not-move": Message(
        "VIOSE01049000-9573", "{partition} has not moved to {remote}: {reason}"
    ),
    "cli-not-confirmed": Message(
        "VIOSE01049000-9630",
        "{command} asks before it deletes, and there is nobody to answer. Nothing was changed. Give {option} to go "
          "on without being asked.",
    ),
    "cli-not-removable": Message(
        "VIOSE01049000-9631",
        "{device} can't be removed: it belongs to the Virtual I/O Server itself. Virtual target devices and virtual "
          "SCSI server adapters can.",
    ),
    "cli-not-answered": Message(
        "VIOSE01049000-9586",
        'The question "{question}" was not answered: the input ended there (Ctrl-D). Nothing was done. Run the '
          "command again, and answer it.",
    ),
    "cli-sessions-full": Message(
        "VIOSE01049000-9587",
        "This connection has {limit} sessions, which is the most. End one of them, or open another connection.",
    ),
    "cli-no-range": Message(
        "VIOSE01049000-9632",
        "{device} has no attribute {attribute} that can be changed; it has: {attributes}.",
    ),
    "cli-no-initialize": Message(
        "VIOSE01049000-9640",
        "rstprofdata -l 4 would delete all partitions at once, and no restore of this console ever deletes one. "
          "Nothing was changed. Delete them one by one: rmsyscfg -r lpar -n NAME.",
    ),
    "cli-in-line": Message("VIOSE01049000-9600", "Line {line} of {file}: {error} Nothing was changed."),
    "cli-file-long": Message(
        "VIOSE01049000-9585", "{file} has {count} lines; at most {most} are done at once, one for each partition."
    ),
    "cli-file-empty": Message(
        "VIOSE01049000-9601", "{file} has no line. Write one for each partition: name=value,name=value."
    ),
    "cli-attribute-missing": Message("VIOSE01049000-9602", "{attribute} is missing; {command} needs {needed}."),
    "cli-attribute-wrong": Message("VIOSE01049000-9603", "{attribute} can't be {value}; needed: {needed}."),
    "cli-attribute-fixed": Message(
        "VIOSE01049000-9604",
        "{attribute} can't be {value}: partitions of this console have {only} and nothing else. Give {only}, or "
          "leave {attribute} out where the command does not need it.",
    ),
    "cli-attributes-exclude": Message(
        "VIOSE01049000-9605", "{attribute} does not go with {other}. Leave one of them out."
    ),
    "cli-nothing-to-change": Message(
        "VIOSE01049000-9606", "There is nothing to change for {thing}; there are: {attributes}."
    ),
    "cli-profile-name": Message(
        "VIOSE01049000-9607",
        "The profile of partition {partition} can't be called {value}: a partition has one, with its own name. Leave "
          "it out.",
    ),
    "cli-goes-with": Message("VIOSE01049000-9608", "{option} goes with {needed} only."),
    "cli-filter-wrong": Message(
        "VIOSE01049000-9641", "The filter {name} can't be {value}; needed: {needed}. Nothing was listed."
    ),
    "cli-trunk": Message(
        "VIOSE01049000-9609",
        "The adapter in slot {slot} is asked for with {attribute}={value}. Adapters of partitions here are on one "
          "virtual Ethernet each, without a trunk: {only} is all there is.",
    ),
})  # fmt: skip
