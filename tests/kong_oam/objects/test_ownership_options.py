"""Objects that rules of an Application leave to other owners: none may bypass access rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.oam.rendered import Options
from kong_oam.objects.component import JudgedComponent
from kong_oam.objects.selection import NamedService
from tests.support.judged_components import (
    PLACE,
    POD,
    SERVICE,
    findings,
    judged_component,
)

ACCOUNT = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}"
CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"
NAMED = NamedService("db", 80, 80, {"app": "db"}, "web-db", PLACE)
ASIDE = "remove it from the rules of that policy"


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        (Options(read=True), "read-only"),
        (Options(patch=True), "shared-resource"),
    ],
)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        (POD, "ACC226 Pod 'p' of 'shop/web': by a {} policy others change it too, so the checks here do not see it"),
        (SERVICE, "ACC227 Service 'web' of 'shop/web': by a {} policy others change it too, so the checks here do not see it"),
        (ACCOUNT, "ACC217 ServiceAccount 'robot' of 'shop/web': by a {} policy others change it too, so the checks here do not see it"),
        (CONFIG, ""),
    ],
)  # fmt: skip
def test_what_lets_somebody_in_is_made_here(
    text: str, found: str, options: Options, policy: str
) -> None:
    """Pods without our labels have no NetworkPolicy; other objects may belong to anybody."""
    component = judged_component(text, credentials=frozenset({"web-client"}))
    (manifest,) = component.objects
    expected = [f"{found.format(policy)}; {ASIDE}"] if found else []
    assert (
        findings(
            replace(component, objects=(replace(manifest, options=options),))
        )
        == expected
    )
    assert (
        findings(
            replace(
                component,
                objects=(
                    replace(manifest, options=Options(retain_on_delete=True)),
                ),
            )
        )
        == []
    )


@pytest.mark.parametrize(
    "touching",
    [
        {"routed": frozenset({"web"})},
        {"credentials": frozenset({"s"})},
        {"named": NAMED},
        {},
    ],
)
def test_pods_and_services_may_be_looked_at_where_nothing_of_access_is(
    touching: Any,
) -> None:
    """Without a route or a client's credential. A ServiceAccount may still have unknown rights, and
    patched objects are deployed."""
    for text, code in (
        (POD, "ACC226"),
        (SERVICE, "ACC227"),
        (ROLLOUT, "ACC226"),
    ):
        component = judged_component(text, **touching)
        for options in (Options(read=True), Options(patch=True)):
            excused = options.read and not touching
            unnamed = (
                {"ACC227"} if "named" in touching else set()
            )  # no release here has a name for its labels
            assert codes_of(component, options) == (
                set() if excused else {code, *unnamed}
            ), text
    assert codes(ACCOUNT, Options(read=True)) == {"ACC217"}


ROLLOUT = "{apiVersion: argoproj.io/v1, kind: Rollout, metadata: {name: r}, spec: {template: {spec: {containers: [{name: c, image: i}]}}}}"
RELEASE = "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: h}, spec: {values: {}}}"
ROLE = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}, rules: []}"
KEPT = {
    POD: "ACC226",
    ROLLOUT: "ACC226",
    SERVICE: "ACC227",
    ACCOUNT: "ACC217",
    ROLE: "ACC224",
    RELEASE: "ACC224",
    CONFIG: "",
}
"""Objects, with the code of the finding if they may differ from their text."""
HARMLESS = (
    "spec.replicas",
    "spec.suspend",
    "spec.containers[0].resources",
    "spec.template.spec.containers[0].resources.limits",
    "spec.jobTemplate.spec.template.spec.initContainers[*].resources",
)
"""Paths of fields that control how much runs."""
TAKEN = ("*", "spec", "spec.*", "spec.template", "spec.template.spec", "spec.selector", "spec.replicas.x", "metadata", "metadata.labels", "spec.template.spec.containers[0]",
         "spec.template.spec.containers[0].env", 'spec["selector"]', "spec.template.spec.containers[*].resources.limits.*", "spec.targetNamespace", "rules", "secrets",
         "spec.template.spec.serviceAccountName")  # fmt: skip


def codes(text: str, options: Options) -> set[str]:
    return codes_of(judged_component(text), options)


def codes_of(component: JudgedComponent, options: Options) -> set[str]:
    (manifest,) = component.objects
    allowed = {"argoproj.io/Rollout": "pods"}
    return {
        message[:6] for message in findings(replace(component, objects=(replace(manifest, options=options),)), allowed=allowed, rbac=True)
    }  # fmt: skip


@pytest.mark.parametrize("text", KEPT)
def test_what_is_judged_is_what_there_is(text: str) -> None:
    """No field that matters for access keeps an old or foreign value."""
    code = KEPT[text]
    for path in (
        (),
        *((path,) for path in HARMLESS + TAKEN),
        ("spec.replicas", "spec"),
    ):
        stale = not {*path} <= {*HARMLESS} and code
        assert codes(text, Options(path)) == ({code} if stale else set()), path
        foreign = path or text == ACCOUNT
        assert codes(text, Options(path, take_over=True)) == (
            {code or "ACC224"} if foreign else set()
        ), path


def test_an_ingress_is_not_deployed() -> None:
    """So it has no kept fields."""
    assert (
        codes(
            "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}}",
            Options(("*",)),
        )
        == set()
    )
