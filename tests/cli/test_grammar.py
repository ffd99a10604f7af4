"""What a typed line is, and what it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivmweb.cli.grammar import LONGEST_LINE, STATUS, After, parse
from ivmweb.common.errors import PrerequisiteFailed

WORDS = {
    "lsmap -all": ["lsmap", "-all"],
    "  lsmap\t-all  ": ["lsmap", "-all"],
    'x "a b" c': ["x", "a b", "c"],
    "x 'a \"b\" $c'": ["x", 'a "b" $c'],
    r'x "a \"b\" \$c \\ \d"': ["x", r'a "b" $c \ \d'],
    r"x a\ b \' \$c": ["x", "a b", "'", "$c"],
    "x a'b'\"c\"d": ["x", "abcd"],
    'x ""': ["x", ""],
    r'x --filter "\"lpar_names=a,b\""': ["x", "--filter", '"lpar_names=a,b"'],
    "x $": ["x", "$"],
    "x 'Grüße 分区'": ["x", "Grüße 分区"],
    "x # the rest": ["x"],
    "x a#b": ["x", "a#b"],
    "echo $?": ["echo", STATUS],
    "x *.log [a]": ["x", "*.log", "[a]"],  # there are no files that it could name
}


@pytest.mark.parametrize("line", WORDS)
def test_words(line):
    [pipeline] = parse(line)
    assert pipeline.commands == [WORDS[line]]


def test_lists_and_pipes():
    pipelines = parse("a; b && c || d | grep x | grep y\ne")
    assert [(one.when, len(one.commands)) for one in pipelines] == [
        (After.ALWAYS, 1),
        (After.ALWAYS, 1),
        (After.SUCCESS, 1),
        (After.FAILURE, 3),
        (After.ALWAYS, 1),
    ]


@pytest.mark.parametrize("line", ["", "   ", "# nothing", "\n\n", "\n # a\n"])
def test_nothing(line):
    assert parse(line) == []


REFUSED = {
    "lsmap > file": "cli-not-allowed",
    "lsmap < file": "cli-not-allowed",
    "lsmap &": "cli-not-allowed",
    "echo `id`": "cli-not-allowed",
    "echo $(id)": "cli-not-allowed",
    'echo "$(id)"': "cli-not-allowed",
    "echo $HOME": "cli-not-allowed",
    "echo ${HOME}": "cli-not-allowed",
    "(lsmap)": "cli-not-allowed",
    "echo 'a": "cli-quote-open",
    'echo "a': "cli-quote-open",
    "lsmap |": "cli-incomplete",
    "| grep x": "cli-incomplete",
    "lsmap &&": "cli-incomplete",
    "a && ; b": "cli-incomplete",
    "a &&\nb": "cli-incomplete",
    ";": "cli-incomplete",
    "a;;b": "cli-incomplete",
    "a ; ; b": "cli-incomplete",
    "a\x00b": "cli-not-text",
    "a\x1bb": "cli-not-text",
    "x" * (LONGEST_LINE + 1): "cli-line-too-long",
}


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line[:12])
def test_what_could_be_meant_for_a_real_shell_is_refused(line):
    with pytest.raises(PrerequisiteFailed) as caught:
        parse(line)
    assert caught.value.key == REFUSED[line]


@pytest.mark.parametrize(
    ("line", "near", "where"),
    [
        ("lsmap ;; lspv", ";;", "before ;;"),
        ("lsmap;;", ";;", "before ;;"),
        (";;", ";;", "before ;;"),
        ("lsmap; ;lspv", ";", "before ;"),
        ("; lsmap", ";", "before ;"),
        ("lsmap && ; lspv", ";", "before ;"),
        ("&& ; lsmap", "&&", "before &&"),
        ("lsmap | | grep x", "|", "before |"),
        ("lsmap; && lspv", "&&", "before &&"),
        ("lsmap ||", "||", "after || in its line"),
        ("lsmap && # all\nlspv", "&&", "after && in its line"),
        ("lsmap |\ngrep x", "|", "after | in its line"),
    ],
)
def test_a_command_that_is_missing_is_an_error_of_the_syntax(line, near, where):
    with pytest.raises(PrerequisiteFailed) as caught:
        parse(line)
    assert str(caught.value) == (
        f"[VIOSE01049000-9564] Syntax error near {near}: there is no command {where}. Nothing was run. Write one "
        f"there, or take {near} out."
    )


@pytest.mark.parametrize("line", ["a;", "a ;\n", "a\n\nb;", "a; # b", "\na"])
def test_what_ends_a_command_may_stand_at_the_end_of_a_line(line):
    assert all(one.commands for one in parse(line))
    assert parse(line)[0].commands == [["a"]]


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(line):
    try:
        pipelines = parse(line)
    except PrerequisiteFailed:
        return
    assert all(words for pipeline in pipelines for words in pipeline.commands)


TEXT = st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters="'\x7f"), max_size=12)


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_what_is_quoted_comes_back_as_it_was(words):
    [pipeline] = parse(" ".join(f"'{word}'" for word in words))
    assert pipeline.commands == [words]
