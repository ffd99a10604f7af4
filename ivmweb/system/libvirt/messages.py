"""Messages about libvirt domain files, which the command line alone takes (9642 to 9646, 9588, 9589)."""

from ivmweb.common.errors import Message, register

register(
    {
        "libvirt-file-unusable": Message(
            "VIOSE01049000-9642",
            "{file} is no libvirt domain that can be read: {reason}. Nothing was changed. Write one by `virsh "
            "dumpxml --inactive DOMAIN > FILE` where the domain is, and give that file.",
        ),
        "libvirt-value-wrong": Message(
            "VIOSE01049000-9643",
            "{element} in line {line} of {file} can't be {value}; needed: {needed}. Nothing was changed. Correct "
            "that, and try again.",
        ),
        "libvirt-runs": Message(
            "VIOSE01049000-9644",
            "The domain {name} (UUID {uuid}) is {state} on this machine, says {source}. A partition made of it would "
            "be a second copy on the same disks. Nothing was changed. Shut the domain down, then try again.",
        ),
        "libvirt-other-machine": Message(
            "VIOSE01049000-9645",
            "The domain {name} is of the architecture {arch}, machine {machine}; partitions here are {here}, and its "
            "operating system can't run on those. Nothing was changed. Adopt it on a console whose hypervisor has "
            "such partitions (its settings --program, --machine and --processor).",
        ),
        "libvirt-elsewhere": Message(
            "VIOSE01049000-9589",
            "The domain {name} (UUID {uuid}) is a partition of the server {system} already: the owner word of its "
            "LUN {unique_id} says so. Nothing was changed. Look for it on the console of that server, and move it "
            "from there.",
        ),
        "uuid-unrecorded": Message(
            "VIOSE01049000-9646",
            "Partition {name} can't have the UUID {uuid}: the hypervisor of {system} has partition {known} (ID "
            "{lpar_id}) with it, which is in no record. Nothing was changed. Look at Restored Database, or at the "
            "last migration of that partition.",
        ),
        "libvirt-memory-wrong": Message(
            "VIOSE01049000-9588",
            "The domain {name} has {memory} of memory, and a partition here takes a multiple of {step_mb} MB. "
            "Nothing was changed. Give --memory-mb {less_mb} or --memory-mb {more_mb}.",
        ),
    }
)
