"""The hand-over record, as the destination answers the source's console; it asks again by itself. From 9360."""

from ivmweb.common.errors import Message

MESSAGES = {
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
