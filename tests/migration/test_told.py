import pytest
from django.utils import translation
from django.utils.translation import gettext

from ivmweb.common.errors import PrerequisiteFailed
from migration.told import NOTES, SAYING, all_texts, pattern, told, told_note, told_params

HELD = (
    "Partition uli13lp1 (ID 2) is reserved by the operation activate. Wait for its end (see Monitor Tasks), then "
    "validate again."
)

FULL = PrerequisiteFailed("check-too-many-migrations", system="uli14", kind="active", running=4, most=4).text


@pytest.fixture
def in_chinese():
    with translation.override("zh-hans"):
        yield


@pytest.mark.usefixtures("in_chinese")
@pytest.mark.parametrize(
    ("said", "in_words"),
    [
        ("Not Activated", "未激活"),
        ("closed, kept", "已关闭，保留在源"),
        ("2752 MB free", "2752 MB 可用"),
        ("fewer than 4", "少于 4 个"),
        ("not ID 1", "不是标识 1"),
        ("1 or more supported", "支持 1 个或更多"),
        ("3600 s ahead", "快 3600 秒"),
        ("maximum 2", "最大值 2"),
        ("uli14:30100: its name is not known here: Name or service not known", None),
        ("any port of no-such-host.invalid: its name is not known here: Name or service not known", None),
        ("Running, Not Activated", "正在运行, 未激活"),
        ("VLAN 3 (not bridged), VLAN 4 (does not exist)", "VLAN 3（未桥接）, VLAN 4（不存在）"),
        ("hdisk2 (by uli14lp1), hdisk3 (by uli14lp1) and 3 more", None),
        ("This password is too common. This password is entirely numeric.", "密码太常见。 密码只有数字。"),
        ("vhost0: C11 to C12", "vhost0：C11 改为 C12"),
        ("hdisk2 (1024 MB there, 2048 MB here)", "hdisk2（那里 1024 MB，此处 2048 MB）"),
        ("uli13lp1 (ID 2, Migrating - Running)", "uli13lp1（标识 2，迁移 - 正在运行）"),
        (HELD, None),
        (f"[VIOSE01049000-9104] {HELD}", None),
    ],
)
def test_what_is_ours_is_said_in_the_language_of_the_reader(said, in_words):
    assert told(said) != said
    assert in_words is None or told(said) == in_words


@pytest.mark.usefixtures("in_chinese")
def test_a_message_inside_a_message_keeps_its_code_and_its_names():
    words = told(f"[VIOSE01049000-9104] {HELD}")
    assert words.startswith("[VIOSE01049000-9104] 分区 uli13lp1（标识 2）已被操作“激活”占用")


@pytest.mark.usefixtures("in_chinese")
@pytest.mark.parametrize(
    "said",
    [
        "",
        "hdisk2",
        "7998-60X*100E7DA",
        "Connection refused",
        "permission denied for table system_partition",
        "not allowed to do that",
        "answers to nobody, ever",
        "{0} {braces} }{",
        "[VIOSE01049000-9999] no such message",
        "hdisk2 and 3 more words",
    ],
)
def test_what_is_not_ours_stays_as_it_is(said):
    assert told(said) == said


@pytest.mark.usefixtures("in_chinese")
@pytest.mark.parametrize("text", NOTES)
def test_lines_of_the_other_consoles_journal_are_said_in_the_language_of_the_reader(text):
    names = {
        "user": "padmin",
        "remote": "uli14",
        "worker": "mover-out",
        "act": "give up",
        "reason": FULL,
        "text": FULL,
        "error": "[VIOSE01049000-9305] uli14 did not answer within 10 s",
        "percent": 30,
        "old": 100,
        "new": 3000,
        "old_mb": "64",
        "new_mb": "0",
    }
    said = told_note(text.format(**names))
    assert said == gettext(text).format(**told_params(names))
    assert said != text.format(**names)
    assert "has no room" not in said


def test_english_is_left_alone():
    for said in ("Running", "2752 MB free", HELD, "fewer than 4"):
        assert told(said) == said


@pytest.mark.usefixtures("in_chinese")
def test_a_name_is_never_taken_for_a_word():
    params = {"name": "Running", "partition": "none", "user": "migration", "state": "Running", "lpar_id": 2}
    assert told_params(params) == {**params, "state": "正在运行"}
    assert SAYING.isdisjoint(
        {"name", "partition", "user", "remote", "system", "host", "source", "typed", "old", "new"}
    )


@pytest.mark.usefixtures("in_chinese")
def test_the_id_behind_a_name_is_said_in_words():
    assert told_params({"partition": "db (ID x) (ID 12)"}) == {"partition": "db (ID x)（标识 12）"}
    assert told_params({"partition": "ID 12"}) == {"partition": "ID 12"}


@pytest.mark.usefixtures("in_chinese")
def test_yes_and_no_are_words():
    assert told_params({"old": True, "new": False}) == {"old": "是", "new": "否"}
    assert told_params({"old": "yes", "new": 1}) == {"old": "yes", "new": 1}  # a partition may have that name


def test_values_are_found_again():
    known = pattern("{name} of {name} is {state}.", is_phrase=False)
    assert known.values_in("a of a is b is c.") == {"name": "a", "state": "b is c"}
    assert known.values_in("a of b is c.") is None
    assert known.values_in("a of a is c") is None
    assert pattern("Nothing else", is_phrase=False).values_in("Nothing else") == {}
    assert pattern("Nothing else", is_phrase=False).values_in("Nothing else.") is None


def test_a_long_text_takes_no_time():
    with translation.override("zh-hans"):
        assert told("is " * 5000) == "is " * 5000


def test_every_word_is_marked_once():
    texts = list(all_texts())
    assert len(texts) == len(set(texts))
