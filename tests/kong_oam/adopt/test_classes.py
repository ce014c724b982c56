"""Classes of requests: the old Kong answers all requests of a class alike, and each request has a class."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.adopt.answers import Answers, OldAnswer
from kong_oam.adopt.classes import RequestClasses, key_of
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.path_text import is_utf8, normalized
from kong_oam.adopt.requests import NOBODY, OldCaller, OldRequest
from tests.support.old_kongs import old_kong

PATHS = ["/", "/a", "/a/", "/ab", "/a/b", "/é", "~/a$", "~/a(?:/|$)", "~/(a|b)/c", "~/a/?$", "~/a.*", "~/a/\\d+", "~/[ab]"]  # fmt: skip
HOSTS = ["a.com", "*.a.com", "x.*", "a.com:8443", "*.com:8443", "x.y.a.com"]
METHODS = ["GET", "POST", "OPTIONS"]
CALLERS = [
    NOBODY,
    OldCaller("acme", "key-auth"),
    OldCaller("acme", "basic-auth"),
]
PLUGINS = [
    {"name": "key-auth"},
    {"name": "key-auth", "config": {"anonymous": "acme", "run_on_preflight": False}},
    {"name": "acl", "config": {"allow": ["sales"]}},
    {"name": "request-termination"},
    {"name": "custom"},
]  # fmt: skip


def _some(values: list[Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), max_size=most, unique_by=str)


@st.composite
def kongs(draw: st.DrawFn) -> OldKong:
    """Draw a Kong with up to five routes to three services."""
    services = []
    for number in range(draw(st.integers(1, 3))):
        plugins = {plugin["name"]: plugin for plugin in draw(_some(PLUGINS, 2))}
        routes = []
        for index in range(draw(st.integers(1, 3))):
            routes.append(
                {
                    "name": f"r{number}-{index}",
                    "paths": draw(_some(PATHS, 3)),
                    "hosts": draw(_some(HOSTS, 2)),
                    "methods": draw(_some(METHODS, 1)),
                    "regex_priority": draw(st.sampled_from([0, 0, 3, -1])),
                    "strip_path": draw(st.booleans()),
                }
            )
        services.append(
            {"name": f"s{number}", "host": f"s{number}", "routes": routes, "plugins": [*plugins.values()], "enabled": draw(st.sampled_from([True, True, True, False]))}
        )  # fmt: skip
    consumer = {"username": "acme", "acls": [{"group": "sales"}]}
    return old_kong(
        f"services: {json.dumps(services)}\nconsumers: {json.dumps([consumer])}"
    )


REQUESTS = st.builds(
    OldRequest,
    st.sampled_from([*METHODS, "PUT", "HEAD", "PROPFIND", "BREW"]),
    st.sampled_from(
        ["a.com", "b.a.com", "x.a.com", "x.b", "a.com:8443", "q.a.com:8443", "A.com", "a.com:80", "x.y.a.com", "x.b:8443", "other"]
    ),
    st.one_of(
        st.sampled_from(["/a", "/a/", "/ab", "/a/7", "/%C3%A9x", "/b/c/d", "/a/b", "//a//b", "/z/../a", "/"]),
        st.text("ab/7.%41", max_size=6).map(lambda text: f"/{text}"),
    ),
)  # fmt: skip


def _effect(answer: OldAnswer) -> tuple[object, ...]:
    """Return an answer as the caller and the workload see it, without the path, which differs
    within a class."""
    sent = answer.destination
    address = sent and (sent.protocol, sent.host, sent.port)
    return answer.outcome, answer.status, address, answer.identity


def _shown(answer: OldAnswer) -> tuple[object, ...]:
    """Return the effect of an answer with its route and its plugin."""
    return _effect(answer), answer.route, answer.by


@given(kongs(), st.lists(REQUESTS, min_size=1, max_size=12))
@settings(deadline=None)
def test_requests_of_a_class_are_answered_alike(
    old: OldKong, requests: list[OldRequest]
) -> None:
    """Every request that nginx accepts has a class, whose example has the same answer."""
    classes = RequestClasses(old)
    by_key = {key_of(each): each for each in classes}
    answers = Answers(old)
    for request in requests:
        if request.is_rejected or not is_utf8(normalized(request.path)):
            continue
        example = by_key[classes.key(request)].request()
        for caller in CALLERS:
            answer = answers.answer(request, caller, whole_class=True)
            of_class = answers.answer(example, caller, whole_class=True)
            assert _shown(answer) == _shown(of_class), (request, example)
            exact = answers.answer(request, caller)
            if answer.outcome != "unknown":
                assert _effect(exact) == _effect(answer), (request, example)


@given(kongs())
@settings(deadline=None)
def test_the_example_of_a_class_is_in_the_class(old: OldKong) -> None:
    """No class is empty, and no two classes are one."""
    classes = RequestClasses(old)
    keys = [key_of(each) for each in classes]
    assert [classes.key(each.request()) for each in classes] == keys
    assert len(set(keys)) == len(keys)
    assert not any(each.request().is_rejected for each in classes)


def test_an_ending_that_many_texts_use_is_not_taken() -> None:
    """The example for "all other texts" is outside all declared texts, however many they are."""
    letters = (
        "xyzabcdefghijklmnopqrstuvwXYZABCDEFGHIJKLMNOPQRSTUVW0123456789-_~"
    )
    paths = json.dumps(["/", *(f"/{letter}" for letter in letters)])
    old = old_kong(f"routes: [{{name: r, paths: {paths}}}]")
    found = [str(each.path) for each in RequestClasses(old)]
    assert "/*" in found
    example = next(
        each for each in RequestClasses(old) if str(each.path) == "/*"
    )
    assert example.path.example == "/!"


def test_the_other_side_divides_classes_further() -> None:
    """Its texts count on its hosts only, and its methods everywhere."""
    old = old_kong("routes: [{name: r, paths: [/]}]")
    classes = tuple(RequestClasses(old, [("a.com", "/x")], ["PUT"]))
    found = {(each.host.example, str(each.path)) for each in classes}
    assert ("a.com", "/x*") in found and (
        "other-host.invalid",
        "/x*",
    ) not in found
    assert ("PUT",) in {each.methods for each in classes}
