"""Objects with the same name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kong_oam.oam.rendered import Options
from kong_oam.objects.component import JudgedComponent
from tests.support.judged_components import (
    SERVICE,
    findings,
    judged_component,
    merged,
)

CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"


def test_two_components_do_not_make_one_object() -> None:
    """In any version."""
    first = "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: p}}"
    second = merged(first, "apiVersion: autoscaling/v2")
    assert findings(
        judged_component(first), judged_component(second, key="shop/api")
    ) == [
        "OAM107 HorizontalPodAutoscaler 'p' in namespace 'shop' would also be created for "
        "'shop/web' (shop.yaml:3:9); rename one, or give each Application its own namespace"
    ]
    assert (
        findings(
            judged_component(first),
            judged_component(second, key="other/api", namespace="other"),
        )
        == []
    )
    assert (
        findings(
            judged_component(first),
            judged_component(
                merged(first, "metadata: {name: q}"), key="shop/api"
            ),
        )
        == []
    )


@pytest.mark.parametrize(
    "kind", ["ConfigMap", "PersistentVolumeClaim", "Secret"]
)
def test_a_second_component_mounts_the_object_of_the_first(kind: str) -> None:
    """KubeVela creates it twice, and the last content stays."""
    written = CONFIG.replace("ConfigMap", kind)
    assert findings(
        judged_component(written), judged_component(written, key="shop/api")
    ) == [
        f"OAM107 {kind} 'c' in namespace 'shop' would also be created for 'shop/web' (shop.yaml:3:9); "
        "create it once, and mount it elsewhere with mountOnly: true (trait storage); or rename one"
    ]


def test_a_component_makes_an_object_once() -> None:
    (message,) = findings(judged_component(CONFIG, CONFIG))
    assert (
        message
        == "OAM107 ConfigMap 'c' in namespace 'shop' of 'shop/web' would also be created once more (shop.yaml:3:9); give it another name"
    )


def test_two_services_of_one_component_are_one() -> None:
    """With the ports of both, if they select the same pods."""
    more = merged(SERVICE, "spec: {ports: [{port: 81}]}")
    assert findings(judged_component(SERVICE, more)) == []
    assert (
        len(
            findings(
                judged_component(SERVICE),
                judged_component(more, key="shop/api"),
            )
        )
        == 1
    )
    (message,) = findings(
        judged_component(SERVICE, merged(SERVICE, "spec: {selector: {app: x}}"))
    )
    assert message.endswith(
        "rename it; or set existingServiceName in the gateway trait, so that the trait creates "
        "no Service"
    )


@pytest.mark.parametrize(
    ("manifest", "kind", "name"),
    [
        (
            "{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}",
            "ServiceAccount",
            "web",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: web-client}}",
            "Secret",
            "web-client",
        ),
        (SERVICE, "Service", "web"),
    ],
)
def test_what_the_project_makes_is_made_once(
    manifest: Any, kind: str, name: str
) -> None:
    makes = ((kind, name),)
    (message,) = findings(judged_component(manifest, made=makes))
    assert message.startswith(
        f"OAM107 {kind} '{name}' in namespace 'shop' of 'shop/web' would also be created by Kong-OAM itself ("
    )
    (message,) = findings(
        judged_component(made=makes), judged_component(manifest, key="shop/api")
    )
    assert message.startswith(
        f"OAM107 {kind} '{name}' in namespace 'shop' would also be created for 'shop/web' ("
    )
    (message,) = findings(
        judged_component(manifest), judged_component(key="shop/api", made=makes)
    )
    assert message.startswith(
        f"OAM107 {kind} '{name}' in namespace 'shop' would also be created for 'shop/web' ("
    )


def test_two_components_that_make_the_same_are_told_once() -> None:
    makes = (("ServiceAccount", "web"), ("NetworkPolicy", "web"))
    (message,) = findings(
        judged_component(made=makes),
        judged_component(key="other/web", made=makes),
    )
    assert message.startswith(
        "OAM107 ServiceAccount 'web' in namespace 'shop' would also be created for 'shop/web'"
    )


def test_ingresses_are_not_made() -> None:
    manifest = (
        "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: x}}"
    )
    assert (
        findings(
            judged_component(manifest),
            judged_component(manifest, key="shop/api"),
        )
        == []
    )


def test_shared_objects_have_no_single_owner() -> None:
    """As in KubeVela: the policies of both Applications name the object, and neither owns it alone."""
    namespace = (
        "{apiVersion: v1, kind: Namespace, metadata: {name: dashboards}}"
    )
    shop, other_api = (
        judged_component(namespace),
        judged_component(namespace, key="other/api", namespace="other"),
    )
    allowed = {"Namespace": "dashboards"}
    assert findings(shared(shop), shared(other_api), allowed=allowed) == []
    for pair in (
        (shop, other_api),
        (shared(shop), other_api),
        (shop, shared(other_api)),
    ):
        (message,) = findings(*pair, allowed=allowed)
        assert message.startswith(
            "OAM107 Namespace 'dashboards' would also be created for 'shop/web'"
        )
    web = judged_component(made=(("Secret", "web-client"),))
    secret = judged_component(
        "{apiVersion: v1, kind: Secret, metadata: {name: web-client}}",
        key="shop/api",
    )
    assert [message[:6] for message in findings(web, shared(secret))] == [
        "OAM107"
    ]


def shared(component: JudgedComponent) -> JudgedComponent:
    """The component with objects that its Application's shared-resource policy names."""
    objects = tuple(
        replace(manifest, options=Options(patch=True))
        for manifest in component.objects
    )
    return replace(component, objects=objects)


def test_two_components_may_read_one_object() -> None:
    """Neither creates it. If one does, the finding names it."""
    texts = ("{apiVersion: v1, kind: Secret, metadata: {name: db}}", SERVICE)
    for text in texts:
        web, api = (
            judged_component(text, key="shop/web"),
            judged_component(text, key="shop/api"),
        )
        assert findings(looked_at(web), looked_at(api)) == []
        for components in (
            (web, looked_at(api)),
            (looked_at(web), api),
            (looked_at(web), shared(api)),
        ):
            assert [
                line[:6]
                for line in findings(*components)
                if line.startswith("OAM107")
            ] == ["OAM107"]


def looked_at(component: JudgedComponent) -> JudgedComponent:
    """The component with objects that its Application's read-only policy names."""
    objects = tuple(
        replace(manifest, options=Options(read=True))
        for manifest in component.objects
    )
    return replace(component, objects=objects)


WRITING = "{apiVersion: terraform.core.oam.dev/v1beta2, kind: Configuration, metadata: {name: NAME}, spec: {writeConnectionSecretToRef: {name: db}}}"


@pytest.mark.parametrize(
    "manifest",
    [
        WRITING.replace("NAME", "b"),
        "{apiVersion: v1, kind: Secret, metadata: {name: db}}",
    ],
)
def test_no_controller_writes_over_another_components_secret(
    manifest: str,
) -> None:
    """Neither rendered Secrets nor Secrets of other controllers. Several objects of one component
    may write one."""
    first = judged_component(WRITING.replace("NAME", "a"))
    (message,) = findings(first, judged_component(manifest, key="shop/api"))
    assert message.startswith(
        "OAM107 Secret 'db' in namespace 'shop' would also be created for 'shop/web'"
    )
    assert (
        findings(judged_component(WRITING.replace("NAME", "a"), manifest)) == []
    )
    assert (
        findings(
            first, judged_component(manifest, key="ops/api", namespace="ops")
        )
        == []
    )
