"""What Tab knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivmweb.cli.completion import MOST_LISTED, Completion, in_columns
from ivmweb.cli.grammar import parse, quoted
from ivmweb.lab import data


@pytest.fixture
def completion(uli13lp1, uli13lp2, remote):
    made = Completion()
    made.learn()
    return made


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("migrlpar -o m --ip ", "migrlpar -o m --ip uli14 "),
        ("migrlpar -o m -t ", f"migrlpar -o m -t {data.ULI14.name} "),
        ("lssvcevents -t c", "lssvcevents -t console "),
        ("chhwres -r mem -o m -t u", "chhwres -r mem -o m -t uli13"),
        ("chsysstate -r lpar -n u", "chsysstate -r lpar -n uli13"),
        ("lsmap -vadapter vh", "lsmap -vadapter vhost"),
        ("migrlpar -n ", False),  # a profile's name
        ("lsrefcode -n ", False),  # a number
        ("migrlpar -m ", f"migrlpar -m {data.ULI13.name} "),
        ("lssyscfg -r p", "lssyscfg -r prof "),
        ("lspv;lsivm&&lssysc", "lspv;lsivm&&lssyscfg "),
        ("lsdev|egr", "lsdev|egrep "),
        ("lspv # lssysc", False),
        ("echo $(lssysc", False),
    ],
)
def test_tab_makes_as_much_of_a_line_as_is_certain(completion, line, made):
    assert completion.complete(line, len(line)) == (made and (made, len(made)))


NAMES = ["my lpar", "my 'own' lpar", 'say "hi", you', "$HOME;&", "#one", "Größe 分区", "back\\slash"]


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ("my\\ ", False),
        ("my\\ l", "my\\ lpar "),
        ("'my l", "'my lpar' "),
        ('"my l', '"my lpar" '),
        ('"my "l', "my\\ lpar "),
        ("m'y 'l", "my\\ lpar "),
        ("my", "my\\ "),
        ("'m", "'my "),
        ('"my ', False),
        ("my\\ \\'", "my\\ \\'own\\'\\ lpar "),
        ("\"my '", "\"my 'own' lpar\" "),
        ("'my 'own", False),
        ("sa", 'say\\ \\"hi\\",\\ you '),
        ("'s", "'say \"hi\", you' "),
        ('"sa', '"say \\"hi\\", you" '),
        ("\\$", "\\$HOME\\;\\& "),
        ('"\\$', '"\\$HOME;&" '),
        ("\\#", "\\#one "),
        ("Gr", "Größe\\ 分区 "),
        ("'Größe 分", "'Größe 分区' "),
        ("back", "back\\\\slash "),
    ],
)
def test_names_are_completed_as_the_shell_reads_them(completion, typed, made):
    completion.partitions = [(name, at) for at, name in enumerate(NAMES)]
    before = "rmsyscfg -r lpar -n "
    answer = completion.complete(before + typed, len(before + typed))
    assert answer == (made and (before + made, len(before + made)))


@given(
    st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\x7f"), min_size=1),
    st.sampled_from("'\" "),
)
def test_any_name_is_read_as_it_was(name, mark):
    [pipeline] = parse(quoted(name, mark.strip(), is_whole=True))
    assert pipeline.commands == [[name]]


@given(st.text(max_size=30))
def test_any_line_can_be_completed_or_rings(line):
    completion = Completion()
    completion.partitions = [(name, at) for at, name in enumerate(NAMES)]
    made = completion.complete(line, len(line))
    assert made is False or made[1] == len(made[0])


def test_a_console_that_was_removed_is_not_known(completion, remote):
    remote.removed_at = remote.last_heard_at = "2026-01-01T00:00:00Z"
    remote.save()
    completion.learn()
    assert completion.fitting("migrlpar --ip ", 14) == []


@pytest.mark.parametrize("words", ["mkvt -id ", "rmsyscfg -r lpar --id ", "chhwres -r mem -o m --tid "])
def test_partitions_are_known_by_their_ids_in_the_order_of_numbers(completion, words):
    completion.partitions.append(("late", 10))
    found = completion.fitting(words, len(words))
    assert found == [*map(str, sorted(int(one) for one in found))]
    assert {"2", "3", "10"} <= set(found)


def test_commands_options_names_and_devices_are_listed(completion):
    assert completion.fitting("x; lspv", 7) == ["lspv"]
    assert completion.fitting("lssy", 4) == ["lssyscfg"]
    assert completion.fitting("rmsyscfg --", 11) == ["--help", "--id", "--stderr"]
    assert completion.fitting("rmsyscfg -n uli13lp", 19) == ["uli13lp1", "uli13lp2"]
    assert "vhost0" in completion.fitting("lsdev -dev vhost", 16)
    assert completion.fitting("nothing -", 9) == []


def test_alternatives_stand_in_columns_as_wide_as_the_terminal():
    assert in_columns(["a", "bbb", "cc"], 10) == "a    bbb\ncc\n"
    assert in_columns(["a", "bbb"], 0) == "a    bbb\n"  # a terminal that does not say
    assert in_columns(["x" * 30, "y"], 10) == f"{'x' * 30}\ny\n"


def test_of_very_many_alternatives_the_first_are_listed_and_the_rest_counted():
    listed = in_columns([f"hdisk{number:04}" for number in range(MOST_LISTED + 5)], 80)
    assert listed.endswith(f"hdisk{MOST_LISTED - 1:04}\nand 5 more\n")
