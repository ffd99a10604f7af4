"""name=value lines, -F, --header, --filter, and the same pairs as input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivmweb.cli.commands import ALL
from ivmweb.cli.options import parse
from ivmweb.cli.pairs import items, joined, pairs
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import LogicalPartition

NO_RESULTS = "[VIOSI01040010-0003] No results were found.\n"


@given(st.lists(st.text(max_size=12), min_size=1, max_size=4), st.sampled_from([",", ":"]))
def test_what_is_joined_can_be_taken_apart(values, separator):
    if values == [""]:
        return
    assert items(joined(values, separator), separator) == values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lpar_names=a", {"lpar_names": "a"}),
        ('"lpar_names=a,b",lpar_ids=2', {"lpar_names": "a,b", "lpar_ids": "2"}),
        ('"name=a ""b"" c",x=', {"name": 'a "b" c', "x": ""}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_pairs(text, found):
    assert pairs(text) == found


@pytest.mark.parametrize("text", ["", "a", "a=1,a", '"a=1', 'a="1"', '"a=1"b', "=1"])
def test_what_are_no_pairs(text):
    with pytest.raises(PrerequisiteFailed) as caught:
        pairs(text)
    assert caught.value.key == "cli-pairs-wrong"


@pytest.mark.parametrize("text", ["a=1,a=2", '"a=1,2", a=1', "b=0,a=,a=1", "a=1,a=2,a=1"])
def test_a_name_that_comes_with_two_values(text):
    with pytest.raises(PrerequisiteFailed) as caught:
        pairs(text)
    assert (caught.value.key, caught.value.params) == ("cli-parameter-twice", {"option": "a"})
    assert pairs(text, {"a"})["a"] == items(text)[-1].partition("=")[2]


@pytest.mark.parametrize("text", ["a=1,a=1", '"a=1,2",b=,"a=1,2"', "a=,a="])
def test_a_name_that_comes_twice_with_one_value(text):
    assert pairs(text)["a"] == items(text)[0].partition("=")[2]


@pytest.mark.parametrize("command", [one for one in ALL if one.most_operands is not None], ids=lambda one: one.name)
def test_no_command_ignores_a_surplus_operand(command):
    most = command.most_operands if command.operand else 0
    with pytest.raises(PrerequisiteFailed) as caught:
        parse(command, [*(f"word{number}" for number in range(most)), "Größe, 'x'"])
    assert (caught.value.key, caught.value.params) == (
        "cli-operand",
        {"command": command.name, "value": "Größe, 'x'"},
    )


def test_commands_that_take_any_number_of_operands_use_them_all():
    assert {one.name for one in ALL if one.most_operands is None} == {"echo", "export", "lsvg", "rmlv"}


@pytest.mark.parametrize(
    ("line", "surplus"),
    [
        ("lspv hdisk1 hdisk2", "hdisk2"),
        ("lspv -size hdisk1 hdisk2", "hdisk2"),
        ("lspv hdisk1 -free", "hdisk1 with -free"),
        ("lspv -avail hdisk1", "hdisk1 with -avail"),
        ("lspv hdisk1 -fmt :", "hdisk1 with -fmt"),
        ("lspv -fmt : hdisk1 -field pvname", "hdisk1 with -field"),
        ("lslv -free lv0", "lv0 with -free"),
        ("lslv lv0 lv1", "lv1"),
        ("mklv vg 1M hdisk1", "hdisk1"),
        ("help lspv lsmap", "lsmap"),
        ("exit 1 2", "2"),
        ('lspv hdisk1 ""', '""'),
    ],
)
def test_a_surplus_operand_is_named(prompt, line, surplus):
    assert prompt(line) == ""
    command = line.split()[0]
    said = f"[VIOSE01049000-9552] {command} takes no {surplus} here. `{command} --help` shows its syntax.\n"
    assert (prompt.err, prompt.status) == (said, 1)


@pytest.fixture(autouse=True)
def cast(uli13lp1, uli13lp2):
    pass


def test_a_line_for_each_partition_in_a_fixed_order(prompt):
    lines = prompt.lines("lssyscfg -r lpar")
    assert [line.split(",")[0] for line in lines] == ["name=uli13", "name=uli13lp1", "name=uli13lp2"]
    names = [pair.partition("=")[0] for pair in items(lines[1])]
    assert names[:6] == ["name", "lpar_id", "lpar_env", "state", "resource_config", "os_version"]


def test_values_only(prompt):
    assert prompt.lines("lssyscfg -r lpar -F name,lpar_id,state") == [
        "uli13,1,Running",
        "uli13lp1,2,Running",
        "uli13lp2,3,Not Activated",
    ]
    assert prompt("lssyscfg -r lpar -F state:name --filter lpar_ids=2") == "Running:uli13lp1\n"


def test_a_header_with_the_names(prompt):
    assert prompt.lines("lssyscfg -r lpar -F name,lpar_id --header")[0] == "name,lpar_id"
    every = prompt.lines("lssyscfg -r lpar -F --header")
    assert every[0].startswith("name,lpar_id,lpar_env,state,")
    assert len(items(every[1])) == len(every[0].split(","))
    prompt("lssyscfg -r lpar --header")
    assert (prompt.status, prompt.out) == (1, "")


def test_a_list_is_quoted_whole(prompt):
    assert prompt("lssyscfg -r sys -F capabilities").startswith('"active_lpar_mobility_capable,')
    assert ',"capabilities=active_lpar_mobility_capable,' in prompt("lssyscfg -r sys")


def test_names_with_anything_in_them(prompt, uli13lp1, uli13lp2):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(name='a,b "分区" é')
    assert prompt("lssyscfg -r lpar -F name,lpar_id --filter lpar_ids=2") == '"a,b ""分区"" é",2\n'
    assert prompt("""lssyscfg -r lpar -F lpar_id --filter '"lpar_names=a,b ""分区"" é"'""") == "2\n"
    assert prompt("""lssyscfg -r lpar -F lpar_id --filter '"lpar_ids=2,3"'""") == "2\n3\n"


def test_nothing_found_is_said_on_the_other_stream(prompt):
    assert prompt("lssyscfg -r lpar --filter lpar_names=nobody") == ""
    assert (prompt.status, prompt.err) == (0, NO_RESULTS)


WRONG = {
    "lssyscfg": "[VIOSE01040120-0006] Required parameter -r or its value is missing or not valid.",
    "lssyscfg -r": "[VIOSE01040120-0006]",
    "lssyscfg -r lpars": "-r of lssyscfg can't be lpars; needed: sys or lpar or prof.",
    "lssyscfg -r lpar -F nonsense": "There is no attribute nonsense here; there are: name, lpar_id",
    "lssyscfg -r lpar --filter nonsense=1": "There is no filter nonsense here; there are: lpar_names, lpar_ids.",
    "lssyscfg -r lpar --filter lpar_ids=2,lpar_names=a": "lpar_names and lpar_ids exclude each other",
    "lssyscfg -r lpar --filtr a=b": "[VIOSE01040123-0009] Parameter --filtr is not valid. The nearest",
    "lssyscfg -r lpar -r lpar": "-r is given twice",
    "lssyscfg -r lpar extra": "lssyscfg takes no extra here",
    "lssyscfg -r lpar -m other": "-m names other, and this console manages Server-7998-61X-SN100390A",
    "lsmap": "[VIOSE01040120-0006] Required parameter -all",
    "lsmap -all -field nonsense": "There is no attribute nonsense here",
    "lsdev -dev hdisk99": "there is no device hdisk99 on uli13",
    "lsdev -dev hdisk2 -attr nonsense": "hdisk2 has no attribute nonsense; it has: reserve_policy",
    "lspv hdisk99": "There is no physical volume hdisk99 on uli13; there is: hdisk0, hdisk1",
    "migrlpar -o x": "-o of migrlpar can't be x; needed: s or m or r or v.",
    "migrlpar -o s -p nobody": "[VIOSE010401A1-0042] There is no partition nobody on uli13.",
    "migrlpar -o s -p uli13lp1": "uli13lp1 does not migrate, so there is nothing to stop.",
    "migrlpar -o s -p uli13lp1 --id 2": "-p and --id exclude each other",
    "help nonsense": "There is no command nonsense.",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_with_a_code_on_the_other_stream(prompt, line):
    assert prompt(line) == ""
    assert prompt.status == 1
    assert prompt.err.startswith("[VIOSE")
    assert WRONG[line] in prompt.err


@pytest.mark.parametrize("line", ["lshmc -V", "lsconfig -V", "ioscli nonsense"])
def test_what_another_console_has_does_not_exist_here(prompt, line):
    assert prompt(line) == ""
    assert prompt.status == 127
    assert prompt.err.endswith(":  not found.\n")


def test_fields_of_a_mapping_on_one_line_as_asked_in_any_case(prompt):
    assert (
        prompt("lsmap -vadapter vhost1 -field LUN backing -fmt :")
        == ":".join(f"0x8{number + 1}00000000000000:hdisk{disk}" for number, disk in enumerate((1, 9, 10, 11, 12)))
        + "\n"
    )
    assert prompt("ioscli lsmap -all -field ClientID svsa -fmt ,") == "0x00000002,vhost0\n0x00000000,vhost1\n"
    assert prompt("lsmap -vadapter vhost9") == ""
    assert prompt.status == 15


def test_one_attribute_of_a_device_has_its_own_form(prompt):
    assert prompt("lsdev -dev hdisk4 -attr reserve_policy") == "value\n\nno_reserve\n"
    assert (
        prompt("lsdev -virtual -field name description -fmt : | grep vmc") == "ibmvmc0:Virtual Management Channel\n"
    )


def test_pipes_quotes_and_the_status(prompt):
    assert prompt("lssyscfg -r lpar -F name | grep -c uli13lp") == "2\n"
    assert (
        prompt("lssyscfg -r lpar -F name,state | grep -v 'Not Activated' | egrep 'uli(13|14)lp'")
        == "uli13lp1,Running\n"
    )
    assert prompt("lsdev | grep nothing; echo $?") == "1\n"
    assert prompt("hostname && pwd || whoami") == "uli13\n/home/padmin\n"
    assert prompt("lshmc || whoami") == "padmin\n"
    prompt("hostname | sort")
    assert (prompt.status, prompt.out) == (2, "")
    assert prompt(r"lspv | grep '\(hdisk1\|hdisk2\)\b' | grep -c .") == "2\n"
    prompt("lspv | grep -E '('")
    assert prompt.status == 2


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("lssyscfg -Z", ""),
        ("lssyscfg -x lpar", ""),
        ("lssyscfg -R lpar", "-r"),
        ("lssyscfg --r lpar", "-r"),
        ("lssyscfg -filter a=b", "--filter"),
        ("lssyscfg --filtr a=b", "--filter"),
        ("lssyscfg --unheard-of", ""),
        ("lsmap -vadaptor vhost0", "-vadapter"),
        ("lsmap -feild name", "-field"),
        ("lsmap -q", ""),
    ],
)
def test_an_option_is_suggested_where_it_is_near(prompt, line, near):
    prompt(line)
    option, command = line.split()[1], line.split()[0]
    hint = f" The nearest that {command} has is {near}." if near else ""
    assert prompt.err == f"[VIOSE01040123-0009] Parameter {option} is not valid.{hint}\n"


@pytest.mark.parametrize("command", ["grep", "egrep", "fgrep", "grep -E", "grep -i"])
def test_several_patterns_are_looked_for_at_once(prompt, command):
    assert prompt(f"lspv | {command} -e 'hdisk3 ' -e 'hdisk7 ' -c") == "2\n"
    assert prompt(f"lspv | {command} -e 'hdisk3 ' -v -e hdisk -c") == "1\n"
    assert (prompt.status, prompt.err) == (0, "")


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("-i -i HDISK1", "hdisk1\nhdisk10\nhdisk11\nhdisk12\n"),
        ("-ii HDISK12", "hdisk12\n"),
        ("-iv HDISK", ""),
        ("-vi HDISK", ""),
        ("-c -c HDISK", "0\n"),
        ("-c -v 1", "9\n"),
        ("-vc 1", "9\n"),
        ("-ivc HDISK", "0\n"),
        ("-c hdisk1 -v", "9\n"),
        ("-nx hdisk3", "4:hdisk3\n"),
        ("-iq HDISK", ""),
        ("-ie HDISK12", "hdisk12\n"),
        ("-ieHDISK12", "hdisk12\n"),
        ("-e -v -e disk12", "hdisk12\n"),
        ("-- disk12", "hdisk12\n"),
        ("-v -- -x", "".join(f"hdisk{number}\n" for number in range(13))),
    ],
)
def test_options_of_a_filter_are_combined_as_any_grep_reads_them(prompt, words, printed):
    assert prompt(f"lspv -field pvname -fmt : | grep {words}") == printed
    assert (prompt.err, prompt.status) == ("", 0 if printed not in {"", "0\n"} or "q" in words else 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-iz hdisk", "[VIOSE01040123-0009] Parameter -z is not valid."),
        ("--colour hdisk", "[VIOSE01040123-0009] Parameter --colour is not valid."),
        ("-ie", "[VIOSE01040120-0006] Required parameter -e or its value is missing or not valid."),
        ("-i", "[VIOSE01040120-0006] Required parameter pattern or its value is missing or not valid."),
        ("-e a b", "[VIOSE01049000-9552] grep takes no b here. `grep --help` shows its syntax."),
        ("a b", "[VIOSE01049000-9552] grep takes no b here. `grep --help` shows its syntax."),
        ("--help", "[VIOSE01049000-9552] grep takes no --help here. `grep --help` shows its syntax."),
    ],
)
def test_wrong_options_of_a_filter_are_refused_before_anything_runs(prompt, words, said):
    assert prompt(f"lspv | grep {words}") == ""
    assert (prompt.err, prompt.status) == (f"{said}\n", 2)


def test_a_filter_alone_says_what_it_is_for(prompt):
    assert prompt("egrep x") == ""
    assert prompt.err == (
        "[VIOSE01049000-9564] Syntax error near egrep: there is no command before it, and it filters what another "
        "one prints. Nothing was run. Write one there, or take egrep out.\n"
    )


def test_a_pattern_that_takes_too_long_is_given_up(prompt, uli13lp1, monkeypatch):
    monkeypatch.setattr("ivmweb.cli.grep.PATIENCE_S", 0.05)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(name="a" * 31)
    prompt("lssyscfg -r lpar -F name | grep -E '^(a|a|aa)*(a|aa)*b$'")
    assert prompt.out == "" or prompt.status == 2


@pytest.mark.parametrize(
    "line",
    [
        "lshwres -r mem --level sys",
        "lshwres -r mem --level lpar -F lpar_name,curr_mem",
        "lshwres -r proc --level sys",
        "lshwres -r proc --level lpar",
        "lshwres -r virtualio --rsubtype slot --level slot",
        "lshwres -r virtualio --rsubtype slot --level lpar",
        "lshwres -r virtualio --rsubtype eth --level lpar",
        "lshwres -r virtualio --rsubtype scsi --level lpar",
        "lshwres -r virtualio --rsubtype serial --level lpar",
        "lssyscfg -r prof",
        "lslparmigr -r sys",
        "lslparmigr -r manager",
        "lslparmigr -r lpar",
        "lsmap -all -net",
        "lspv -size",
        "lspv -free",
        "lsivm",
        "lslparinfo",
        "help",
        "help lsmap",
    ],
)
def test_listings_that_go_well(prompt, line):
    assert prompt(line)
    assert (prompt.status, prompt.err) == (0, "")


@pytest.mark.parametrize(
    "line", ["lsmap -all", "lsdev", "lssyscfg -r lpar", "lssyscfg -r prof", "lslparmigr -r lpar"]
)
def test_more_partitions_take_no_more_queries(prompt, line, uli13lp2, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        assert prompt(line)
