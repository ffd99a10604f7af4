"""The page Recover: what both sides say, what is wrong, what nobody knows, and what may be forced."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.system.models import AuditEvent
from migration import both_sides, forcing, presentation, recover_page
from migration.both_sides import Line, Other
from migration.models import Migration, MigrationEvent
from migration.states import Act, Answer, Fact, Seen, State
from tests.pages.conftest import text_of


def address(migration, more="recover/"):
    return f"/migrations/{migration.pk}/{more}"


SILENT = PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="4")


@pytest.fixture
def said(monkeypatch):
    """What this hypervisor and the other console say; a test changes the dictionary."""
    values = {"fact": Fact.PARKED, "other": Other(error=SILENT), "possible": list(Act)}
    monkeypatch.setattr(
        "migration.recover_views.look", lambda migration, answer: Seen(values["fact"], partner=answer)
    )
    monkeypatch.setattr(both_sides, "ask", lambda migration: values["other"])
    monkeypatch.setattr(forcing, "possible", lambda migration, answer: values["possible"])
    return values


@pytest.fixture
def surrendered(make_migration):
    heard = timezone.now() - timedelta(seconds=42)
    return make_migration("surrendered", partner_state="loaded", partner_heard_at=heard)


def answers(state, fact, **fields):
    return Other(Answer(state, fact), **fields)


# Both sides


def test_it_says_where_the_partition_runs_as_each_hypervisor_says_it(as_padmin, surrendered, said):
    said["other"] = answers(State.STARTED, Fact.RUN)
    page = text_of(as_padmin.get(address(surrendered)))
    sides = page.split("<tbody>")[1].split("</tbody>")[0]
    assert re.search(r"Source.*uli13.*Surrendered.*Suspended; everything is sent.*now.*"
                     r"Destination.*uli14.*Started.*Runs.*now", sides, re.DOTALL)  # fmt: skip


def test_a_silent_side_is_not_known_and_was_last_heard_so_long_ago(as_padmin, surrendered, said):
    page = text_of(as_padmin.get(address(surrendered)))
    assert "Not known: it does not answer" in page
    assert "Loaded, when it was last heard" in page
    assert re.search(r"last heard 4[23] s ago", page)
    assert "Whether uli14 has accepted uli13lp1." in page
    assert "[VIOSE01049000-9301]" in page


@pytest.mark.parametrize(
    ("before", "words"),
    [(timedelta(minutes=5), "last heard 5 min ago"), (timedelta(hours=30), "last heard 30 h ago")],
)
def test_long_silences_are_told_in_minutes_and_hours(as_padmin, surrendered, said, before, words):
    Migration.objects.update(partner_heard_at=timezone.now() - before)
    assert words in text_of(as_padmin.get(address(surrendered)))


def test_a_side_that_never_spoke_is_said_to_be_so(as_padmin, make_migration, said):
    page = text_of(as_padmin.get(address(make_migration("aborting"))))
    assert "never heard in this migration" in page


def test_both_journals_stand_on_one_time_line(as_padmin, surrendered, said):
    moment = datetime(2026, 11, 26, 10, 0, 1, tzinfo=UTC)
    line = Line(moment, ours=False, from_state="prepared", to_state="loaded", sentence=Sentence("all <b>here</b>"))
    first = MigrationEvent.objects.create(migration=surrendered, text="began here")
    last = MigrationEvent.objects.create(migration=surrendered, from_state="transferring", to_state="surrendered")
    MigrationEvent.objects.filter(pk=first.pk).update(time=moment - timedelta(seconds=1))
    MigrationEvent.objects.filter(pk=last.pk).update(time=moment + timedelta(seconds=1))
    said["other"] = answers(State.LOADED, Fact.LOADED, lines=(line,), left_out=7, clock_ahead_s=-90.2)
    page = text_of(as_padmin.get(address(surrendered)))
    assert page.index("began here") < page.index("Prepared → Loaded") < page.index("Transferring → Surrendered")
    assert "all &lt;b&gt;here&lt;/b&gt;" in page
    assert re.search(r'data-label="uli14"><span class="cell"><span class="change">Prepared → Loaded', page)
    assert "7 older lines of uli14 are left out." in page
    assert "differs from this console&#x27;s by" in page or "differs from this console's by" in page


# What must not be


@pytest.mark.parametrize(
    ("state", "here", "there_state", "there", "words"),
    [
        ("forced back", Fact.RUN, State.STARTED, Fact.RUN, "Both hypervisors say that they run uli13lp1"),
        ("forced back", Fact.DEAD, State.FORCED_RUN, Fact.LOADED, "Opposite decisions"),
        (
            "forced back",
            Fact.RUN,
            State.STARTED,
            Fact.DEAD,
            "uli13: Forced back; its hypervisor: Runs. uli14: Started; its hypervisor: Not running.",
        ),
        ("surrendered", Fact.DEAD, State.DECLINED, Fact.NONE, "uli13lp1 runs nowhere"),
    ],
)
def test_what_must_not_be_is_an_alarm_in_words(
    as_padmin, make_migration, said, state, here, there_state, there, words
):
    said["fact"], said["other"] = here, answers(there_state, there)
    page = text_of(as_padmin.get(address(make_migration(state))))
    alarm = page.split("situation bad")[1].split("</section>")[0]
    assert words in alarm


@pytest.mark.parametrize(
    ("here", "other"),
    [
        (Fact.RUN, Other(error=SILENT)),
        (Fact.DEAD, Other(error=SILENT)),
        (Fact.PARKED, answers(State.LOADED, Fact.LOADED)),
        (Fact.PARKED, answers(State.STARTED, Fact.RUN)),
        (Fact.UNKNOWN, answers(State.STARTED, Fact.DEAD)),
    ],
)
def test_nothing_is_an_alarm_that_is_not_known_to_be_wrong(as_padmin, surrendered, said, here, other):
    said["fact"], said["other"] = here, other
    assert "situation bad" not in text_of(as_padmin.get(address(surrendered)))


def test_opposite_decisions_are_told_at_the_destination_too(as_padmin, make_migration, said):
    migration = make_migration("started", role="destination", forced=True)
    said["fact"], said["other"] = Fact.DEAD, answers(State.FORCED_BACK, Fact.DEAD)
    assert "Opposite decisions" in text_of(as_padmin.get(address(migration)))


def test_a_source_that_kept_it_and_a_forced_destination_are_opposite_too(as_padmin, make_migration, said):
    migration = make_migration("started", role="destination", forced=True)
    said["fact"], said["other"] = Fact.RUN, answers(State.ABORTING, Fact.RUN)
    page = text_of(as_padmin.get(address(migration)))
    assert "uli14: Rolling back; its hypervisor: Runs. uli13: Started; its hypervisor: Runs." in page


def test_one_that_is_down_after_its_migration_is_said_to_be_activated(as_padmin, make_migration, said):
    said["fact"], said["other"] = Fact.DEAD, answers(State.DECLINED, Fact.NONE)
    page = text_of(as_padmin.get(address(make_migration("closed, kept"))))
    assert "The migration is over: activate it on uli13, in View/Modify Partitions" in page
    assert "Recover ends it" not in page


def test_what_a_forced_destination_can_not_know_names_the_other_copy(as_padmin, make_migration, said):
    said["fact"], said["other"] = Fact.RUN, Other(error=SILENT)
    page = text_of(as_padmin.get(address(make_migration("started", role="destination", forced=True))))
    assert "Whether uli13lp1 runs there as well, should the claim not have been true." in page


def test_one_in_question_is_not_explained_by_its_record(as_padmin, make_migration, said):
    said["fact"], said["other"] = Fact.RUN, Other(error=SILENT)
    migration = make_migration("prepared", role="destination", restored=True, in_question=True)
    page = text_of(as_padmin.get(address(migration)))
    assert "Recover changes nothing yet" in page
    assert "has made this one void" in page
    assert "everything reserved here is given back" not in page
    assert "is not started here" not in page


# Recover


@pytest.mark.parametrize(
    ("state", "does", "does_not"),
    [
        ("surrendered", "Recover asks uli14 whether it has taken uli13lp1 over", "is not resumed here"),
        ("in doubt", "Recover asks uli14", "is neither run nor removed here"),
        ("forced back", "whether it gives its copy up", "without an operator&#x27;s order"),
    ],
)
def test_it_says_what_recover_does_and_what_it_does_not(as_padmin, make_migration, said, state, does, does_not):
    page = text_of(as_padmin.get(address(make_migration(state))))
    assert does in page
    assert does_not in page.split("What it does not do")[1]


@pytest.mark.parametrize("state", sorted(State))
def test_every_unfinished_record_has_words_for_both(make_migration, state):
    from migration.recover_words import will_do, will_not_do
    from migration.states import DESTINATION_STATES, FINAL_STATES, SOURCE_STATES

    if state in FINAL_STATES:
        return
    role = "source" if state in SOURCE_STATES else "destination"
    assert role == "source" or state in DESTINATION_STATES
    migration = make_migration(state, role=role)
    assert will_do(migration)
    assert will_not_do(migration) or state is State.TAKEN_BACK


def test_a_look_changes_nothing(as_padmin, surrendered, said):
    before = Migration.objects.values().get()
    as_padmin.get(address(surrendered))
    assert Migration.objects.values().get() == before
    assert not AuditEvent.objects.exists()


def test_one_that_has_ended_offers_nothing(as_padmin, make_migration, said):
    page = text_of(as_padmin.get(address(make_migration("closed, kept"))))
    assert "There is nothing to recover" in page
    assert "<button" not in page.split("<main")[1].split("</main>")[0]


def test_a_console_that_is_not_asked_any_more_is_not_called_silent(as_padmin, make_migration, said):
    """Some minutes after both ends nothing is signed any more."""
    said["other"] = Other()
    page = text_of(as_padmin.get(address(make_migration("closed, moved", partner_state="closed, moved"))))
    assert "Not asked any more: it is over on both sides" in page
    assert "does not answer" not in page.split("<main")[1]


# Forced acts


def test_the_acts_are_there_in_the_silence_with_claims_losses_and_a_field_for_the_name(as_padmin, surrendered, said):
    said["possible"] = [Act.GIVE_UP, Act.RESTART, Act.RUN_IMAGE]
    page = text_of(as_padmin.get(address(surrendered)))
    acts = page.split('<section class="panel forces"')[1].split("</section>")[0]
    assert re.findall(r'name="act" value="([^"]*)"', acts) == [
        "restart from disk",
        "give up",
        "run the memory image",
    ]
    assert acts.count('type="checkbox"') == 4
    assert acts.count('name="name"') == 3
    assert "The server uli14 is switched off." in acts
    assert "Lost, if the second claim is not true: the file systems." in acts


@pytest.mark.parametrize("act", list(Act))
def test_each_act_has_as_many_claims_as_are_needed(make_migration, act):
    from migration.recover_page import act_words

    words = act_words(act, make_migration("surrendered"), "uli13")
    assert len(words.claims) == forcing.CLAIMS[act]


def test_of_the_acts_only_to_yield_is_there_while_the_partner_answers(as_padmin, make_migration, said):
    said["fact"], said["other"] = Fact.RUN, answers(State.STARTED, Fact.RUN)
    said["possible"] = [act for act in Act if act is not Act.RESTART_RESTORED]
    page = text_of(as_padmin.get(address(make_migration("forced back"))))
    acts = page.split('<section class="panel forces"')[1].split("</section>")[0]
    assert re.findall(r'name="act" value="([^"]*)"', acts) == ["yield"]
    assert "one of them must yield" in acts
    assert "Yield: end uli13lp1 here and leave it to uli14" in acts
    assert "uli13lp1 ends on uli13; the copy on uli14 is the one that is kept." in acts
    assert (acts.count('type="checkbox"'), acts.count('name="name"')) == (1, 1)


def test_a_restored_side_that_may_have_run_it_is_offered_a_restart_beside_a_source_that_answers(
    as_padmin, make_migration, said
):
    migration = make_migration("loaded", role="destination", restored=True)
    said["fact"], said["other"] = Fact.DEAD, answers(State.SURRENDERED, Fact.PARKED)
    said["possible"] = [Act.RESTART_RESTORED, Act.RESTART, Act.DISCARD]
    page = text_of(as_padmin.get(address(migration)))
    assert "Recover asks uli14 and changes nothing" in page
    acts = page.split('<section class="panel forces"')[1].split("</section>")[0]
    assert "Nobody can tell whether uli13lp1 has run here" in acts
    assert re.findall(r'name="act" value="([^"]*)"', acts) == ["restart after restore"]
    assert "uli13lp1 may have run on uli13 after the backup was taken" in acts
    assert "switched off" not in acts
    assert (acts.count('type="checkbox"'), acts.count('name="name"')) == (1, 1)


def test_where_neither_side_runs_it_recover_is_not_promised_to_end_it(as_padmin, make_migration, said):
    migration = make_migration("loaded", role="destination", restored=True)
    said["fact"], said["other"], said["possible"] = Fact.DEAD, answers(State.SURRENDERED, Fact.DEAD), []
    page = text_of(as_padmin.get(address(migration)))
    assert "Start it from its disks with the act below." in page
    assert "Recover ends it" not in page


def test_the_side_that_cannot_yield_says_why_and_where_it_can_be_done(as_padmin, make_migration, said):
    said["fact"], said["other"], said["possible"] = Fact.RUN, answers(State.ACCEPTED, Fact.LOADED), []
    page = text_of(as_padmin.get(address(make_migration("forced back"))))
    assert "memory that is kept there may be older than the disks" in page
    assert "Yield on uli14." in page
    assert 'name="act"' not in page


def test_a_side_that_has_settled_says_so(as_padmin, make_migration, said):
    migration = make_migration("settled", role="destination", forced=True)
    said["fact"], said["other"], said["possible"] = Fact.DEAD, answers(State.FORCED_BACK, Fact.RUN), []
    assert "never yields any more: yield on uli14" in text_of(as_padmin.get(address(migration)))


def test_recover_promises_nothing_while_both_have_it(as_padmin, make_migration, said):
    said["fact"], said["other"] = Fact.RUN, answers(State.STARTED, Fact.RUN)
    page = text_of(as_padmin.get(address(make_migration("forced back"))))
    assert "changes nothing while both consoles have uli13lp1" in page
    assert "whether it gives its copy up" not in page


def test_to_yield_is_not_there_in_the_silence(as_padmin, surrendered, said):
    assert 'value="yield"' not in text_of(as_padmin.get(address(surrendered)))


def test_no_act_is_there_while_the_partner_answers_and_nothing_is_opposite(as_padmin, surrendered, said):
    said["other"], said["possible"] = answers(State.LOADED, Fact.LOADED), [Act.RESTART, Act.GIVE_UP]
    assert 'name="act"' not in text_of(as_padmin.get(address(surrendered)))


def test_a_console_that_runs_and_refuses_leaves_only_what_needs_no_claim(as_padmin, surrendered, said):
    lost = PeerError(
        "peer-refused",
        permanent=True,
        remote="uli14",
        remote_code="-",
        remote_message="-",
        remote_key="peer-migration-unknown",
        status=404,
    )
    said["other"] = Other(error=lost)
    page = text_of(as_padmin.get(address(surrendered)))
    assert set(re.findall(r'name="act" value="([^"]*)"', page)) == {"discard", "give up"}


def test_an_act_is_passed_on_as_it_was_filled_in(as_padmin, surrendered, said, monkeypatch):
    asked = []
    monkeypatch.setattr(forcing, "force", lambda migration, act, **how: asked.append((act, how)) or "It runs here.")
    form = {"act": "run the memory image", "name": "uli13lp1", "claim1": "on", "claim2": "on"}
    answer = as_padmin.post(address(surrendered, "force/"), form, follow=True)
    [(act, how)] = asked
    assert (act, how["typed"], how["claims"], how["origin"]) == ("run the memory image", "uli13lp1", 2, "127.0.0.1")
    assert "[VIOSI01049000-9230]" in text_of(answer)
    assert 'class="message warning"' in answer.content.decode()  # it is not over


def test_a_refused_act_is_told_on_the_page_with_its_code(as_padmin, surrendered, said, monkeypatch):
    def refuse(*_, **__):
        raise PrerequisiteFailed("force-not-claimed", act="give up", partition="uli13lp1")

    monkeypatch.setattr(forcing, "force", refuse)
    answer = as_padmin.post(address(surrendered, "force/"), {"act": "give up"}, follow=True)
    assert answer.request["PATH_INFO"] == address(surrendered)
    assert "[VIOSE01049000-9227]" in text_of(answer)


def test_after_a_wrong_name_the_act_is_open_with_the_name_and_the_reason_beside_it(as_padmin, surrendered, said):
    form = {"act": "restart from disk", "name": "uli13<lp2", "claim1": "on"}
    answer = as_padmin.post(address(surrendered, "force/"), form, follow=True)
    page = text_of(answer)
    [opened] = re.findall(r"<details[^>]* open>.*?</details>", page, re.S)
    assert 'value="restart from disk"' in opened
    assert re.search(r'name="name"[^>]*value="uli13&lt;lp2" aria-describedby="refused"', opened)
    assert re.search(r'id="refused" role="alert".*?\[VIOSE01049000-9226\]', opened, re.S)
    assert page.count("[VIOSE01049000-9226]") == 1
    assert "checked" not in opened  # a claim is made anew
    again = text_of(as_padmin.get(address(surrendered)))
    assert "<details class" in again
    assert not re.search(r"<details[^>]* open>|9226", again)


def test_a_refused_act_that_is_not_possible_any_more_is_told_above(as_padmin, surrendered, said):
    said["other"] = answers(State.DECLINED, Fact.NONE)
    answer = as_padmin.post(address(surrendered, "force/"), {"act": "restart from disk", "name": "x"}, follow=True)
    assert re.search(r'class="message error" role="alert">.*?9226', text_of(answer), re.S)
    assert 'id="RESTART"' not in text_of(answer)


def test_an_act_that_does_not_exist_is_refused_with_its_name(as_padmin, surrendered, said):
    answer = as_padmin.post(address(surrendered, "force/"), {"act": "<explode>"}, follow=True)
    assert "[VIOSE01049000-9229] &lt;explode&gt; is no act of Recover" in text_of(answer)


def test_a_view_only_user_sees_everything_and_changes_nothing(as_viewer, surrendered, said, monkeypatch):
    asked = []
    monkeypatch.setattr(forcing, "force", lambda *_, **__: asked.append("force"))
    page = text_of(as_viewer.get(address(surrendered)))
    assert "Restart uli13lp1 from disk on uli13" in page
    assert "<button" not in page.split("<main")[1].split("</main>")[0]
    assert "Recover is pressed by users who may migrate partitions." in page
    assert "This act is for users who may migrate partitions." in page
    for path in ("recover/", "force/"):
        assert as_viewer.post(address(surrendered, path), {"act": "give up"}).status_code == 403
    assert asked == []


def test_a_destination_has_heard_of_the_source_by_its_prepare(make_migration):
    migration = make_migration("loaded", role="destination", partner_state="", partner_heard_at=None)
    now = migration.started_at + timedelta(seconds=42)
    side = recover_page.other_side(migration, None, now)
    assert side.record == "Transferring, when it was last heard"
    assert side.heard == "last heard 42 s ago"
    names = presentation.names_of(migration, "uli13")
    assert "What it said then" in recover_page.unknown(migration, names, now)[0]


def test_where_nothing_was_heard_nothing_can_be_out_of_date(make_migration):
    migration = make_migration("transferring", partner_state="", partner_heard_at=None)
    names = presentation.names_of(migration, "uli13")
    assert "What it said then" not in recover_page.unknown(migration, names, migration.started_at)[0]
