"""Options and values that would have no effect are refused, and those that have one go on."""

import pytest

GOES_WITH = "goes with {} only."
ABOUT_ONE = GOES_WITH.format("-dev or -plc")
NUMBERS = (
    "The filter lpar_ids can't be {}; needed: a partition ID such as 2, or several with commas. Nothing was listed."
)
NAMES = 'can\'t be ""; needed: a name, or several with commas.'

REFUSED = {
    # migrlpar, by its operation
    "migrlpar -o s -p uli13lp1 --async": f"--async {GOES_WITH.format('-o m')}",
    "migrlpar -o v -p uli13lp1 --async": f"--async {GOES_WITH.format('-o m')}",
    "migrlpar -o s -p uli13lp1 --ip uli14": f"--ip {GOES_WITH.format('-o m or -o v or -o r')}",
    "migrlpar -o s -p uli13lp1 -u padmin": f"-u {GOES_WITH.format('-o m or -o v or -o r')}",
    "migrlpar -o s -p uli13lp1 -v": f"-v {GOES_WITH.format('-o m or -o v or -o r')}",
    "migrlpar -o s -p uli13lp1 -t x": f"-t {GOES_WITH.format('-o m or -o v')}",
    "migrlpar -o r -p uli13lp1 -t x": f"-t {GOES_WITH.format('-o m or -o v')}",
    "migrlpar -o s -p uli13lp1 -w 5": f"-w {GOES_WITH.format('-o m or -o v')}",
    "migrlpar -o r -p uli13lp1 -d 5": f"-d {GOES_WITH.format('-o m or -o v')}",
    "migrlpar -o r -p uli13lp1 -i dest_lpar_id=5": f"-i {GOES_WITH.format('-o m or -o v')}",
    "migrlpar -o s -p uli13lp1 -f x": f"-f {GOES_WITH.format('-o m or -o v')}",
    "migrlpar -o s -p uli13lp1 -n x": f"-n {GOES_WITH.format('-o m or -o v')}",
    "migrlpar -o v -p uli13lp1 --force": f"--force {GOES_WITH.format('-o r')}",
    # filters
    "lssyscfg -r lpar --filter lpar_ids=abc": NUMBERS.format("abc"),
    "lssyscfg -r lpar --filter lpar_ids=-1": NUMBERS.format("-1"),
    "lssyscfg -r lpar --filter lpar_ids=01": NUMBERS.format("01"),
    "lssyscfg -r lpar --filter lpar_ids=99999999999999999999999": NUMBERS.format("99999999999999999999999"),
    'lssyscfg -r lpar --filter "lpar_ids= 1"': NUMBERS.format(" 1"),
    "lssyscfg -r lpar --filter lpar_ids=²": NUMBERS.format("²"),
    "lssyscfg -r lpar --filter lpar_ids=": NUMBERS.format('""'),
    'lssyscfg -r prof --filter "\\"lpar_ids=2,\\""': NUMBERS.format("2,"),
    "lssyscfg -r lpar --filter lpar_names=": f"The filter lpar_names {NAMES}",
    "lssyscfg -r prof --filter profile_names=": f"The filter profile_names {NAMES}",
    "lslparmigr -r lpar --filter lpar_ids=x": NUMBERS.format("x"),
    "lsrefcode -r lpar --filter lpar_ids=x": NUMBERS.format("x"),
    "lslparutil -r lpar --filter lpar_ids=x": NUMBERS.format("x"),
    "lshwres -r virtualio --rsubtype scsi --filter slots=x": "The filter slots can't be x; needed: a slot number",
    # lshwres
    "lshwres -r mem --level lpar --rsubtype eth": f"--rsubtype {GOES_WITH.format('-r io or -r virtualio')}",
    "lshwres -r proc --level sys --rsubtype slot": f"--rsubtype {GOES_WITH.format('-r io or -r virtualio')}",
    "lshwres -r io --rsubtype slot --level sys": f"--level {GOES_WITH.format('-r mem or -r proc or -r virtualio')}",
    "lshwres -r virtualio --rsubtype eth --level slot": f"--level slot {GOES_WITH.format('--rsubtype slot')}",
    # lsdev
    "lsdev -attr": f"-attr {ABOUT_ONE}",
    "lsdev -parent": f"-parent {ABOUT_ONE}",
    "lsdev -child": f"-child {ABOUT_ONE}",
    "lsdev -range reserve_policy": f"-range {ABOUT_ONE}",
    "lsdev -slot": f"-slot {ABOUT_ONE}",
    "lsdev -dev hdisk1 -parent -child": "-parent and -child exclude each other",
    "lsdev -dev hdisk1 -attr -vpd": "-attr and -vpd exclude each other",
    "lsdev -virtual -slots": "-slots and -virtual exclude each other",
    "lsdev -slots -dev hdisk1": "-slots and -dev exclude each other",
    "lsdev -slots -fmt :": "-slots and -fmt exclude each other",
    "lsdev -dev hdisk1 -virtual": "-dev and -virtual exclude each other",
    "lsdev -dev hdisk1 -type disk": "-dev and -type exclude each other",
    "lsdev -dev hdisk1 -state defined": "-dev and -state exclude each other",
    "lsdev -vpd -type disk": "-vpd and -type exclude each other",
    "lsdev -dev hdisk1 -attr reserve_policy -fmt :": "-attr and -fmt exclude each other",
    "lsdev -dev hdisk1 -parent -field name": "-parent and -field exclude each other",
    "lsdev -state foo": "-state of lsdev can't be foo; needed: available or defined or stopped or undefined.",
    # the others
    "lspath -pdev nosuch": "lspath: there is no device nosuch on uli13.",
    "lspath -status foo": "-status of lspath can't be foo; needed: enabled or disabled or failed or missing",
    "lspath -conn foo": "lspath: there is no connection foo on uli13.",
    "lsmap -vadapter ent1 -net -type disk": "-type and -net exclude each other",
    "lsmap -all -npiv -type disk": "-type and -npiv exclude each other",
    "lsvg -field vgname freepps": f"-field {GOES_WITH.format('a volume group, named before it,')}",
    "lsvg -fmt :": f"-fmt {GOES_WITH.format('a volume group, named before it,')}",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_would_have_no_effect_is_refused(prompt, uli13lp1, line):
    assert (prompt(line), prompt.status) == ("", 1)
    assert prompt.err.startswith("[VIOSE01049000-")
    assert REFUSED[line] in prompt.err
    assert prompt.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lssyscfg -r lpar -F lpar_id --filter '\"lpar_ids=1,2\"'", "1\n2\n"),
        ("lssyscfg -r lpar -F lpar_id --filter lpar_names=uli13lp1", "2\n"),
        ("lshwres -r virtualio --rsubtype scsi -F slot_num --filter lpar_ids=2,slots=2", "2\n"),
        ("lsdev -virtual -type adapter -state AVAILABLE -field name -fmt : | grep vhost", "vhost0\n"),
        ("lsdev -state stopped", ""),
        ("lsdev -dev vhost0 -child -field name -fmt : | grep -c vtscsi", "5\n"),
        ("lspath -status missing", ""),
        ("lspath -pdev fcs0", ""),
        ("lspath -dev hdisk2 -pdev fscsi0 -field name -fmt :", "hdisk2\n"),
        ("lspath -conn 5005076303030053,4011400600000000 -field name -fmt :", "hdisk4\n"),
        ("lsmap -all -net -field sea -fmt :", "ent2\n"),
        ("lsvg rootvg -field vgname -fmt :", "rootvg\n"),
    ],
)
def test_what_has_an_effect_goes_on(prompt, uli13lp1, line, said):
    assert (prompt(line), prompt.err) == (said, "")


def test_a_partition_with_a_comma_in_its_name_is_found_by_it(prompt, uli13lp1):
    uli13lp1.name = 'a,"b", ä'
    uli13lp1.save(update_fields=["name"])
    line = 'lssyscfg -r lpar -F lpar_id --filter "\\"lpar_names=a,\\"\\"b\\"\\", ä\\""'
    assert (prompt(line), prompt.err) == ("2\n", "")
