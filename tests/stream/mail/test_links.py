"""Links and domains by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.domains import domain_start, host_end, skeleton
from stream.mail.tricks import TRICKS
from tests.stream.mail.mails import as_array, found_in


def hosts(text: str) -> set[str]:
    return {name[5:] for name in found_in("\n" + text).names if name.startswith("host ")}


def tricks(text: str) -> set[str]:
    return set(found_in("\n" + text).names) & set(TRICKS)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("www.example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("bbc.co.uk", "bbc.co.uk"),
        ("www.bbc.co.uk", "bbc.co.uk"),
        ("a.b.com.br", "b.com.br"),
        ("www.heise.de", "heise.de"),
        ("x.heise.de", "heise.de"),
        ("localhost", "localhost"),
        ("t.co", "t.co"),
        ("www.gov.uk", "www.gov.uk"),
        ("", ""),
    ],
)
def test_registered_domain(host: str, domain: str) -> None:
    assert host[domain_start(as_array(host.encode()), 0, len(host)) :] == domain


def test_a_host_ends_in_no_dot() -> None:
    hosts = {"a.b. C": "a.b", "...": "", "a-b_c.d/e": "a-b_c.d", "x" * 999: "x" * 255}
    for text, host in hosts.items():
        assert text[: host_end(as_array(text.encode()), 0, len(text))] == host


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://www.shop.example/x", {"www.shop.example", "shop.example"}),
        ("see HTTPS://A.Shop.Example.", {"a.shop.example", "shop.example"}),
        ("www.shop.example", {"www.shop.example", "shop.example"}),
        ("http://shop.example:8080/", {"shop.example"}),
        ("http://bank.example@evil.example/", {"evil.example"}),
        ("http://u:p@a.evil.example/", {"a.evil.example", "evil.example"}),
        ("http://10.0.0.1/x", {"10.0.0.1"}),
        ("http://3232235777/", {"3232235777"}),
        ("http://a.co.uk/ http://b.a.co.uk/", {"a.co.uk", "b.a.co.uk"}),
        ("http://http://shop.example/", {"http", "shop.example"}),
        ("mail x@shop.example, or /www.x.example", set()),
        ("http:// http:/x ://y", set()),
        ("awww.x.example", set()),
        ("www", set()),
    ],
)
def test_hosts(text: str, found: set[str]) -> None:
    assert hosts(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://shop.example/a:b@c%20", set()),
        ("see http://shop.example: there", set()),
        ("http://10.0.0.1/", {"link to a bare IP address"}),
        ("http://x@shop.example/", {"link with a user name before its host"}),
        ("http://xn--pple-43d.example/", {"link to a host in punycode"}),
        ("http://www.XN--pple-43d.example/", {"link to a host in punycode"}),
        ("http://shop.example:81/", {"link with a port"}),
        ("http://a:b@shop.example/", {"link with a user name before its host"}),
        ("http://%73hop@x.example/", {
            "link with an escaped host", "link with a user name before its host"
        }),
        ("http://a.b.shop.example/", set()),
        ("http://bank.com.x.y.evil.example/", {"link to a deep subdomain"}),
    ],
)  # fmt: skip
def test_tricks(text: str, found: set[str]) -> None:
    assert tricks(text) == found


def like(text: str) -> int:
    return int(skeleton(as_array(text.encode()), 0, len(text)))


@pytest.mark.parametrize(
    "other",
    ["paypa1.com", "PAYPAI.com", "pay-pal.com", "PayPal.com", "p-a-y-p-a-l.com", "paypai.c0m"],
)
def test_what_looks_like_paypal(other: str) -> None:
    assert like(other) == like("paypal.com")


def test_letters_that_look_like_others() -> None:
    assert like("rnicrosoft.com") == like("microsoft.com") != like("nicrosoft.com")
    assert like("vvells.com") == like("wells.com") != like("vells.com")
    assert like("5kype.com") == like("skype.com") != like("3kype.com")
    assert like("g00gle.com") == like("google.com") != like("gogle.com")
    assert like("r") != like("rn") != like("v")


labels = st.text("abcdefgxyz", min_size=3, max_size=9)


@given(st.lists(labels, min_size=2, max_size=4), st.sampled_from([" ", "/", ":80", "?", '"', ">"]))
def test_any_host_is_found(names: list[str], after: str) -> None:
    host = ".".join(names)
    assert hosts(f"x http://{host}{after} y") == {host, ".".join(names[-2:])}
