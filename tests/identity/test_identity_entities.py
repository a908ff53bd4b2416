"""Entities: founded with the board's approval, joined by invitation, left, handed over, closed."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from known_people import confirmed
from persons import PURPOSE, Person, day, new_name, offer_dask


@pytest.fixture(scope="module", autouse=True)
def _dask(portal):
    offer_dask(portal)


@pytest.fixture(scope="module")
def board(portal):
    return Person(portal, "board", roles=["approval-board"])


@pytest.fixture
def ada(portal):
    return Person(portal, "ada")


@pytest.fixture
def bob(portal):
    return Person(portal, "bob")


@pytest.fixture
def lab(ada, board):
    """An entity of Ada's."""
    return ada.found_entity(board)


def places(person, slug):
    return {one["user"]: one["place"] for one in person.get(f"/entities/{slug}/members")}


def put(person, slug, name, place):
    return person.ask("PUT", f"/entities/{slug}/members/{name}", place=place).status_code


def remove(person, slug, name):
    return person.ask("DELETE", f"/entities/{slug}/members/{name}").status_code


def test_an_entity_exists_when_the_board_approves_it(ada, board):
    slug = new_name("lab")
    told = {"slug": slug, "title": "The lab", "description": "Ice.", "purpose": PURPOSE}
    number = ada.ask("POST", "/entities", **told).json()["number"]
    assert ada.ask("GET", f"/entities/{slug}").status_code == 404
    assert ada.next_token().entities == frozenset()
    assert ada.ask("POST", "/entities", **told).status_code == 409
    assert board.step(number, "grant").status_code == 200
    assert ada.get(f"/entities/{slug}")["place"] == "administrator"
    assert ada.next_token().entities == {slug}
    assert ada.ask("POST", "/entities", **told).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Lab"},
        {"slug": "-lab"},
        {"slug": "la/b"},
        {"slug": "new"},
        {"slug": "health"},
        {"title": ""},
        {"website": "javascript:alert(1)"},
        {"purpose": "No."},
        {"closed": None},
    ],
)
def test_entities_that_cannot_be_are_refused(ada, wrong):
    told = {"slug": "some-lab", "title": "Lab", "description": "Ice.", "purpose": PURPOSE} | wrong
    assert ada.ask("POST", "/entities", **told).status_code == 400


def test_what_an_entity_has_all_its_members_have_while_they_belong_to_it(ada, bob, board, lab):
    number = ada.request("stack-dask/medium", entity=lab)
    assert board.step(number, "grant").status_code == 200
    assert bob.next_token().quotas == frozenset()
    assert bob.join(ada.invite(lab)["code"]).json()["place"] == "member"
    principal = bob.next_token()
    assert (principal.entities, principal.quotas) == ({lab}, {"stack-dask/medium"})
    assert principal.roles == {"stack-dask"}
    assert remove(bob, lab, bob.name) == 204
    principal = bob.next_token()
    assert (principal.entities, principal.quotas, principal.roles) == (frozenset(),) * 3
    assert bob.ask("GET", f"/entities/{lab}/members").status_code == 403


def test_a_code_works_as_often_as_it_says(portal, ada, lab):
    code = ada.invite(lab, uses=2)["code"]
    first, second, third = (Person(portal) for _ in range(3))
    assert first.join(code).status_code == 200
    assert first.join(code).status_code == 409
    assert second.join(f"  {code}\n").status_code == 200
    assert third.join(code).status_code == 404
    assert ada.get(f"/entities/{lab}/invitations") == []
    assert ada.letters(f"{second.name} joined")


def test_of_many_who_use_the_last_place_at_once_one_gets_it(portal, ada, lab):
    code = ada.invite(lab)["code"]
    people = [Person(portal) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda person: person.join(code).status_code, people))
    assert sorted(answers) == [200] + [404] * 5
    assert len(places(ada, lab)) == 2


def test_an_invitation_that_was_taken_back_is_worth_nothing(ada, bob, lab):
    made = ada.invite(lab)
    number = made["number"]
    assert bob.ask("DELETE", f"/entities/{lab}/invitations/{number}").status_code == 403
    assert ada.ask("DELETE", f"/entities/{lab}/invitations/{number}").status_code == 204
    assert bob.join(made["code"]).status_code == 404


def test_an_invitation_by_mail_is_for_that_address_alone(portal, ada, bob, lab):
    carla = Person(portal, "carla")
    assert ada.invite(lab, email=carla.email.upper())["code"] is None
    code = re.search(r"join\?code=([\w-]{22})", carla.letters("join?code=")[-1])[1]
    refused = bob.join(code)
    assert refused.status_code == 403
    assert "another e-mail address" in refused.json()["detail"]
    assert carla.join(code).status_code == 200


def test_codes_cannot_be_guessed(ada, bob, lab):
    code = ada.invite(lab)["code"]
    assert len(code) == 22  # 128 bits
    answers = [bob.join(f"{code[:-1]}{'A' if code[-1] != 'A' else 'B'}").status_code for _ in range(25)]
    assert answers[:20] == [404] * 20
    assert set(answers[20:]) == {429}
    assert bob.join(code).status_code == 429  # the right one, too, for a while


def test_only_the_digest_of_a_code_is_kept(portal, ada, lab):
    code = ada.invite(lab)["code"]
    database = portal.settings.data_dir / "portal"
    kept = b"".join(path.read_bytes() for path in database.iterdir() if path.is_file())
    assert lab.encode() in kept
    assert code.encode() not in kept


def test_members_are_managed_by_administrators_alone(portal, ada, bob, lab):
    carla = Person(portal, "carla")
    for person in (bob, carla):
        person.join(ada.invite(lab)["code"])
    assert put(bob, lab, bob.name, "administrator") == 403
    assert remove(bob, lab, carla.name) == 403
    assert bob.ask("POST", f"/entities/{lab}/invitations", days=1).status_code == 403
    told = {"offer": "stack-dask/low", "purpose": PURPOSE, "until": day(9), "entity": lab}
    assert bob.ask("POST", "/requests", **told).status_code == 403
    assert bob.ask("DELETE", f"/entities/{lab}").status_code == 403
    assert put(ada, lab, bob.name, "administrator") == 204
    assert remove(bob, lab, carla.name) == 204
    assert places(ada, lab) == {ada.name: "administrator", bob.name: "administrator"}
    assert carla.letters("took you out of")


def test_an_entity_never_loses_its_last_administrator(portal, ada, bob, lab):
    bob.join(ada.invite(lab)["code"])
    assert remove(ada, lab, ada.name) == 409
    assert put(ada, lab, ada.name, "member") == 409
    confirmed(ada.browser, "/account/data/download")
    kept = ada.browser.submit(ada.browser.get("/account/data"), name=ada.name)
    assert kept.status_code == 409
    assert "would have no administrator" in kept.text
    # Handed over, she can go.
    assert put(ada, lab, bob.name, "administrator") == 204
    assert remove(ada, lab, ada.name) == 204
    assert places(bob, lab) == {bob.name: "administrator"}


def test_of_two_administrators_who_leave_at_once_one_stays(portal, ada, bob, lab):
    bob.join(ada.invite(lab)["code"])
    put(ada, lab, bob.name, "administrator")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda person: remove(person, lab, person.name), (ada, bob)))
    assert sorted(answers) == [204, 409]


def test_a_closed_entity_gives_nothing_and_its_name_is_never_given_again(portal, ada, bob, board, lab):
    bob.join(ada.invite(lab)["code"])
    board.step(ada.request("stack-dask/medium", entity=lab), "grant")
    code = ada.invite(lab)["code"]
    assert bob.next_token().quotas == {"stack-dask/medium"}
    assert ada.ask("DELETE", f"/entities/{lab}").status_code == 204
    assert bob.next_token().quotas == frozenset()
    assert Person(portal).join(code).status_code == 404
    assert ada.ask("GET", f"/entities/{lab}").status_code == 404
    told = {"slug": lab, "title": "Again", "description": "Ice.", "purpose": PURPOSE}
    assert bob.ask("POST", "/entities", **told).status_code == 409
    assert "has been closed" in bob.letters("has been closed")[-1]


def test_the_board_closes_an_entity_by_revoking_it(ada, board, lab):
    number = next(one["number"] for one in ada.get("/requests")["requests"] if one["kind"] == "entity")
    assert ada.step(number, "withdraw").status_code == 409
    assert board.step(number, "reduce").status_code == 409
    assert board.step(number, "revoke", "It was never used.").status_code == 200
    assert ada.ask("GET", f"/entities/{lab}").status_code == 404
    assert ada.next_token().entities == frozenset()


def test_when_the_last_member_goes_the_entity_closes(portal, ada, board, lab):
    portal.make(deleted=[ada.name])
    assert board.ask("GET", f"/entities/{lab}").status_code == 404


def test_the_pages_do_all_of_it(portal, ada, bob, board):
    slug = new_name("lab")
    page = ada.browser.get("/entities/new")
    told = {"title": "Ice & Snow", "slug": slug, "description": "<b>Ice</b>.", "purpose": PURPOSE}
    made = ada.browser.submit(page, **told)
    request = ada.browser.get(made.headers["location"])
    assert "the new entity Ice &amp; Snow" in request.text
    assert "<b>Ice</b>" not in request.text
    on_board = board.browser.get(made.headers["location"])
    assert board.browser.submit(on_board, reason="", step="grant").status_code == 302
    entity = ada.browser.get(f"/entities/{slug}")
    shown = ada.browser.submit(entity, days="7", uses="1", email="")
    code = re.search(r"join\?code=([\w-]{22})", shown.text)[1]
    assert code not in ada.browser.get(f"/entities/{slug}").text
    assert "You are no member" in bob.browser.get(f"/entities/{slug}").text
    joining = bob.browser.get(f"/entities/join?code={code}")
    joined = bob.browser.submit(joining, code=code)
    assert joined.headers["location"] == f"/entities/{slug}"
    assert "Ice &amp; Snow" in bob.browser.get("/entities").text
    again = Person(portal).browser
    assert "cannot be used" in again.submit(again.get("/entities/join"), code=code).text
    members = ada.browser.get(f"/entities/{slug}")
    number = next(
        number
        for number, form in enumerate(re.findall(r"<form.*?</form>", members.text, re.DOTALL))
        if f"/members/{bob.name}" in form
    )
    assert ada.browser.submit(members, number, place="none").status_code == 302
    assert places(ada, slug) == {ada.name: "administrator"}
    closing = ada.browser.get(f"/entities/{slug}")
    assert "This is not its short name" in ada.browser.submit(closing, name="another").text
    assert ada.browser.submit(closing, name=slug).headers["location"] == "/entities"
    assert ada.browser.get(f"/entities/{slug}").status_code == 404
