"""Which forms an order's page offers, and what they hold."""

from __future__ import annotations

import re
from typing import Any

import pytest
from platen_console.web.builders import BUILDERS, unanswered
from platen_console.web.words import ACTIONS
from platen_contracts.orders import OrderCommand, OrderSnapshot
from platen_contracts.status import OrderStatus

from . import heard
from .conftest import World, post
from .heard import MUG, OTHER_ITEM, STAR_MAP, a_private, an_order, an_order_told, by_hand, item_id


async def _page(world: World, order: OrderSnapshot) -> str:
    await world.tell(*heard.the_catalogue(), (order, "orders.status"), (a_private(order), "orders.private"))
    async with world.browser() as client:
        answer = await client.get(f"/orders/{order.order_id}")
    assert answer.status_code == 200
    return answer.text


def _card(page: str, card: str) -> str:
    """One part of the page."""
    return page.partition(f'id="{card}"')[2].partition("</section>")[0]


async def test_a_live_item_can_be_ignored_and_split_and_an_ignored_one_restored(world: World) -> None:
    order = by_hand(1)
    page = await _page(world, order)
    live, ignored = _card(page, f"item-{item_id(order.order_id)}"), _card(page, f"item-{OTHER_ITEM}")
    assert ("/ignore_item" in live, "/restore_item" in live) == (True, False)
    assert ("/ignore_item" in ignored, "/restore_item" in ignored) == (False, True)
    assert 'name="quantities" value="2 + 1"' in live
    assert "/split_line" not in ignored
    assert "the item has one unit" in ignored


async def test_items_are_ticked_that_go_into_an_order_of_their_own(world: World) -> None:
    order = by_hand(1)
    page = _card(await _page(world, order), "actions")
    assert re.findall(r'name="items" value="(\w+)"', page) == [item_id(order.order_id), OTHER_ITEM]
    assert "(ignored)" in page


async def test_an_order_with_one_item_says_why_nothing_can_be_split_off(world: World) -> None:
    actions = {**an_order(1, OrderStatus.NEW).actions, "split_off": "allowed"}
    page = await _page(world, an_order(1, OrderStatus.NEW, actions=actions))
    assert "/split_off" not in page
    assert "the order has one item; split that by quantity first" in page


async def test_what_the_snapshot_withholds_is_shown_with_its_reason_and_has_no_form(world: World) -> None:
    order = an_order(1, OrderStatus.SENT)
    page = await _page(world, order)
    for action in ("split_line", "set_artwork", "ignore_item", "split_off", "record_hand_over", "record_parcel"):
        assert f"/{action}" not in page
    assert page.count("not in this status") >= 4
    assert page.count("this vendor reports by itself") == 2


async def test_orders_of_one_family_link_to_each_other(world: World) -> None:
    child = an_order(2, parent=an_order(1).order_id)
    parent = an_order(1, children={child.order_id: 3})
    await world.tell((parent, "orders.status"), (child, "orders.status"))
    async with world.browser() as client:
        assert f'<a href="/orders/{child.order_id}">#1002</a>' in (await client.get(f"/orders/{parent.order_id}")).text
        assert f'<a href="/orders/{parent.order_id}">#1001</a>' in (await client.get(f"/orders/{child.order_id}")).text


async def test_an_artwork_with_a_newer_version_is_updated_by_one_click(world: World) -> None:
    await world.tell(*((MUG.model_copy(update={"version": version}), "catalog.artworks") for version in (4, 10)))
    page = await _page(world, an_order(1, OrderStatus.NEW))
    assert 'name="artwork" value="family-mug/10"><button class="small">Update artwork to version 10' in page
    assert '<option value="family-mug/10">Family mug</option>' in page
    assert '<option value="family-mug/4">' not in page


async def test_an_item_without_an_artwork_is_offered_one(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    told = order.model_dump(mode="json", exclude_none=True)
    del told["items"][item_id(order.order_id)]["artwork"]
    page = await _page(world, OrderSnapshot.model_validate(told))
    assert "Add artwork" in page
    assert "the item has no artwork; add one first" in page


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("said", "answers"), [("  Aqaba ", {"place": "Aqaba"}), ("", None)])
async def test_what_the_new_artwork_asks_is_asked_before_it_is_set(
    world: World, said: str, answers: dict[str, str] | None
) -> None:
    order = an_order(1, OrderStatus.NEW)
    here = f"/orders/{order.order_id}"
    await world.tell(*heard.the_catalogue(), (STAR_MAP, "catalog.artworks"), *an_order_told(order))
    fields = {"version": "4", "item": item_id(order.order_id), "artwork": "star-map/1"}
    async with world.browser() as client:
        asked = await post(client, here, f"{here}/set_artwork", **fields)
        assert asked.status_code == 422
        assert await world.outbox() == []
        assert 'name="answer.name" value="Zoë"' in asked.text
        assert 'name="answer.place" value="" dir="auto" maxlength="60" aria-invalid="true"' in asked.text
        answer = await post(client, here, f"{here}/set_artwork", **fields, **{"answer.name": "Zoë", "answer.place": said})
        assert answer.status_code == 303
    ((*_, command),) = await world.outbox()
    assert command.get("answers") == answers


async def test_a_photo_is_no_answer_to_what_the_new_artwork_asks_as_a_text(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    item, here = item_id(order.order_id), f"/orders/{order.order_id}"
    photo = {"sha256": "ab" * 32, "size": 1_200_000, "media_type": "image/jpeg"}
    private = a_private(order, items={item: {"answers": {"name": "Zoë", "place": photo}}})
    told = [(STAR_MAP, "catalog.artworks"), (order, "orders.status"), (private, "orders.private")]
    await world.tell(*heard.the_catalogue(), *told)
    async with world.browser() as client:
        asked = await post(client, here, f"{here}/set_artwork", version="4", item=item, artwork="star-map/1")
    assert asked.status_code == 422
    assert await world.outbox() == []
    assert 'name="answer.place" value="" dir="auto"' in asked.text


@pytest.mark.parametrize("answers", [{}, {"name": ""}, {"message": "Hello"}])
def test_only_what_is_required_is_missing_where_nobody_answered(answers: dict[str, Any]) -> None:
    assert unanswered(MUG, answers) == ["name"]
    assert unanswered(MUG, {**answers, "name": "Zoë"}) == []


async def test_an_item_names_what_is_missing(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    item = item_id(order.order_id)
    private = a_private(order, items={item: {}})
    await world.tell(*heard.the_catalogue(), (order, "orders.status"), (private, "orders.private"))
    async with world.browser() as client:
        card = _card((await client.get(f"/orders/{order.order_id}")).text, f"item-{item}")
    assert 'Name on the mug</dt><dd><span class="flag warn">is missing' in card


@pytest.mark.parametrize(("status", "button"), [(OrderStatus.NEW, "Render"), (OrderStatus.READY, "Render again")])
async def test_only_what_was_rendered_is_rendered_again(world: World, status: OrderStatus, button: str) -> None:
    assert f'<button class="small">{button}</button>' in await _page(world, an_order(1, status))


async def test_nothing_is_missing_of_an_ignored_item_or_one_whose_answers_are_not_known(world: World) -> None:
    order = by_hand(1)
    private = a_private(order, items={OTHER_ITEM: {}})
    await world.tell(*heard.the_catalogue(), (order, "orders.status"), (private, "orders.private"))
    async with world.browser() as client:
        assert "is missing" not in (await client.get(f"/orders/{order.order_id}")).text


async def test_a_required_answer_is_asked_by_the_browser_and_an_empty_one_refused_at_its_field(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    item, here = item_id(order.order_id), f"/orders/{order.order_id}"
    form = _card(await _page(world, order), f"personalise-{item}").partition("</form>")[0]
    assert re.findall(r'name="(answer\.\w+)"[^>]* required', form) == ["answer.name"]
    async with world.browser() as client:
        fields = {"version": "4", "item": item, "answer.name": " ", "answer.message": ""}
        answer = await post(client, here, f"{here}/personalise", **fields)
    assert answer.status_code == 422
    assert '<span class="wrong" id="wrong">Name on the mug is required</span>' in answer.text
    assert await world.outbox() == []


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("held", "shown", "answers"),
    [
        (None, "one a line", {"name": ["Zoë", "نور"]}),
        (["Ana"], "one a line", {"name": ["Zoë", "نور"]}),
        ("Ana, Liam", "up to 20 characters", {"name": "Zoë\nنور"}),
    ],
)
async def test_names_are_typed_one_a_line(world: World, held: Any, shown: str, answers: dict[str, Any]) -> None:
    names = MUG.model_copy(update={"options": {"name": MUG.options["name"].model_copy(update={"kind": "names"})}})
    order = an_order(1, OrderStatus.NEW)
    item, here = item_id(order.order_id), f"/orders/{order.order_id}"
    private = a_private(order, items={item: {"answers": {} if held is None else {"name": held}}})
    await world.tell((names, "catalog.artworks"), (order, "orders.status"), (private, "orders.private"))
    async with world.browser() as client:
        assert shown in _card((await client.get(here)).text, f"personalise-{item}")
        fields = {"version": "4", "item": item, "answer.name": " Zoë\r\nنور"}
        await post(client, here, f"{here}/personalise", **fields)
    ((*_, command),) = await world.outbox()
    assert command["answers"] == answers


async def test_a_hand_over_is_shown_and_what_was_edited_since(world: World) -> None:
    assert "edited since" in await _page(world, by_hand(1))
    assert "edited since" not in await _page(world, by_hand(1, version=5, hand_over={"at": heard.NOON, "version": 5}))


async def test_a_parcel_is_prefilled_with_the_next_name_and_what_is_left(world: World) -> None:
    order = by_hand(1)
    first = item_id(order.order_id)
    page = await _page(world, order)
    assert 'name="parcel" value="2"' in _card(page, "actions")
    assert f'name="units.{first}" value="2"' in _card(page, "actions")
    assert f"units.{OTHER_ITEM}" not in page
    assert '<input type="hidden" name="parcel" value="1">' in _card(page, "parcels")
    assert f'name="units.{first}" value="1"' in _card(page, "parcels")


async def test_a_new_parcel_never_takes_the_name_of_a_recorded_one(world: World) -> None:
    order = by_hand(1, parcels={"2": {"units": {item_id(an_order(1).order_id): 1}}})
    here = f"/orders/{order.order_id}"
    assert 'name="parcel" value="3"' in _card(await _page(world, order), "actions")
    async with world.browser() as client:
        answer = await post(client, here, f"{here}/record_parcel", version="4", parcel="2", carrier="DPD")
    assert answer.status_code == 422
    assert "parcel 2 is recorded already" in answer.text
    assert await world.outbox() == []


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("parcel", "correct", "sent"), [("2", "", 1), ("1", "yes", 1), ("1", "", 0)])
async def test_a_recorded_parcel_is_corrected_by_its_own_form_alone(world: World, parcel: str, correct: str, sent: int) -> None:
    order = by_hand(1)
    here = f"/orders/{order.order_id}"
    await world.tell((order, "orders.status"))
    async with world.browser() as client:
        await post(client, here, f"{here}/record_parcel", version="4", parcel=parcel, correct=correct)
    assert len(await world.outbox()) == sent


@pytest.mark.parametrize(("parcel", "correct", "opened"), [("2", "", "parcel-new"), ("1", "yes", "parcel-1")])
async def test_a_parcel_that_makes_no_sense_opens_its_own_form_again(
    world: World, parcel: str, correct: str, opened: str
) -> None:
    order = by_hand(1)
    here, units = f"/orders/{order.order_id}", f"units.{item_id(order.order_id)}"
    await world.tell((order, "orders.status"), (a_private(order), "orders.private"))
    async with world.browser() as client:
        fields = {"version": "4", "parcel": parcel, "correct": correct, "carrier": "DPD", units: "two"}
        answer = await post(client, here, f"{here}/record_parcel", **fields)
    assert answer.status_code == 422
    assert re.findall(r'<details id="([\w-]+)" open>', answer.text) == [opened]
    assert answer.text.count('name="carrier" value="DPD"') == answer.text.count(f'name="{units}" value="two"') == 1
    assert f"units of {order.items[item_id(order.order_id)].title}" in answer.text


@pytest.mark.usefixtures("soon")
async def test_the_shops_value_stands_beside_ours_and_is_taken_over_by_one_click(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    here, moved = f"/orders/{order.order_id}", {"line1": "Nebenstraße 2", "city": "Hamburg", "country": "DE"}
    private = a_private(order, shop={"recipient.address": {"value": moved}})
    await world.tell((order, "orders.status"), (private, "orders.private"))
    async with world.browser() as client:
        card = _card((await client.get(here)).text, "shop-differs")
        assert "Hauptstraße 1" in card
        assert "Take the shop’s" in card
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', card))
        await client.post(f"{here}/edit_shipping", data=fields)
    ((*_, command),) = await world.outbox()
    assert command["recipient"] == {**moved, "full_name": "Zoë Müller", "email": "someone@example.org", "phone": "+49 30 1234567"}


async def test_an_order_is_erased_only_where_it_offers_that_and_only_once(world: World) -> None:
    order = an_order(1, OrderStatus.NEW)
    assert "Type #1001 to confirm" in await _page(world, order)
    erased = await _page(world, an_order(1, OrderStatus.NEW, version=5, erased=True))
    assert "/erase" not in erased
    assert "its personal data was erased" in erased


def test_every_command_that_orders_obeys_has_a_form() -> None:
    obeyed = {re.sub(r"(?<!^)(?=[A-Z])", "_", it.__name__).lower() for it in OrderCommand.__subclasses__()}
    assert set(BUILDERS) == obeyed
    assert obeyed <= set(ACTIONS)
