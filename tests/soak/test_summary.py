"""What a person reads."""

from tests.soak.__main__ import parsed
from tests.soak.summary import line, summary, trace


def move(number, **fields):
    usual = {
        "number": number,
        "ok": True,
        "kind": "active",
        "cell": "no fault",
        "fault": "",
        "source": "closed, moved",
        "destination": "closed, moved",
        "began_on": "uli13",
        "safe_after_s": 0.0,
        "recover": False,
        "took_s": 2.0,
        "found": [],
    }
    return {**usual, **fields}


KEPT = {"source": "closed, kept", "destination": "declined"}
FAULT = {"cell": "begun / Stop", "fault": "Stop", "safe_after_s": 1.5}


def test_a_line_says_way_kind_fault_and_end():
    assert line(move(3), 40) == "    3/40 uli13 -> uli14 active   no fault: moved (2 s)"
    kept = move(4, began_on="uli14", kind="inactive", **FAULT, **KEPT)
    assert line(kept, 40) == "    4/40 uli14 -> uli13 inactive begun / Stop: kept, safe 1.5 s after it (2 s)"
    assert "BROKEN" in line(move(5, ok=False), 40)
    assert "Recover pressed" in line(move(5, recover=True), 40)


def test_the_summary_counts():
    moves = [
        move(1, suspension_ms=300.0, digests_compared=True),
        move(2, suspension_ms=500.0, digests_compared=False),
        move(3, **FAULT, **KEPT),
        move(4, kind="inactive", recover=True, **FAULT),
    ]
    text = "\n".join(summary(moves, 7, 4))
    assert "4 of 4 moves of seed 7 in 8 s, 2.0 s each: every invariant held." in text
    assert "3 moved, 1 kept; 1 inactive; Recover pressed 1 times" in text
    assert "2 with a fault, 1 kinds of 47: 1 moved, 1 kept; at the latest safe 1.5 s" in text
    assert "  2 x Stop" in text
    assert "suspension in moves without a fault: median 400 ms, worst 500 ms" in text
    assert "suspension in moves with a fault: none measured" in text
    assert "memory digests of both sides compared and equal: 1 of 2 active moves" in text


def test_a_broken_soak_is_not_said_to_hold():
    text = "\n".join(summary([move(1), move(2, ok=False)], 7, 1000))
    assert "2 of 1000 moves of seed 7 in 4 s, 2.0 s each: move 2 broke an invariant." in text


def test_a_soak_in_which_nothing_was_measured_says_so():
    assert "none measured" in "\n".join(summary([move(1)], 7, 1))
    assert summary([], 7, 10) == ["No move of seed 7 was played."]


def test_the_trace_has_what_broke_and_the_command_that_plays_it_again():
    broken = move(
        17, ok=False, began_on="uli14", found=["I1: it ran on both systems at once"], migration="m", said=["200"],
        bugs=["ValueError: x"], journal=["uli13 accepted"],
    )  # fmt: skip
    text = "\n".join(trace(broken, 7, ["uli14", "uli13"], ["The end of web.log:"], "var/soak/seed-7-move-17"))
    for said in ("I1: it ran on both", "uli14, uli13", "uli13 accepted", "The end of web.log:", "ValueError: x"):
        assert said in text
    command = text.splitlines()[-1].split()
    assert command[:2] == ["./ivm", "soak"]
    options = parsed(command[2:])
    assert (options.seed, options.start, options.at, options.migrations) == (7, 17, "uli14", 1)
