from datetime import timedelta

from platen_outside.tickets import Tickets

KEY = "k" * 32


def test_a_ticket_says_what_it_is_about() -> None:
    ticket = Tickets(KEY, "upload").issue("order-1")
    assert Tickets(KEY, "upload").about(ticket) == "order-1"
    assert set(ticket) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_ticket_that_is_forged_foreign_or_too_old_is_none() -> None:
    upload = Tickets(KEY, "upload")
    ticket = upload.issue("order-1")
    assert Tickets("x" * 32, "upload").about(ticket) is None
    assert Tickets(KEY, "preview").about(ticket) is None
    assert Tickets(KEY, "upload", timedelta(seconds=-1)).about(ticket) is None
    for spoilt in ("", "nonsense", ticket[:-1], "x" + ticket, ticket + "x", ticket.replace(".", "")):
        assert upload.about(spoilt) is None
