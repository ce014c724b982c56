"""Two stacks for real Applications: one allows nothing, the other allows all that they need."""

from __future__ import annotations

from dataclasses import replace

from tests.support.estates import STACK

ALLOWED = (
    "Namespace",
    "apiextensions.k8s.io/CustomResourceDefinition",
    "apps.kruise.io/CloneSet",
    "azure.crossplane.io/ResourceGroup",
    "databases.spotahome.com/RedisFailover",
    "example/Namespace",
    "game.kruise.io/GameServerSet",
    "grafana.extension.oam.dev/DatasourceRegistration",
    "istio-system/Namespace",
    "kubecon/Namespace",
    "kubeflow.org/TFJob",
    "machinelearning.seldon.io/SeldonDeployment",
    "mysql.presslabs.org/MysqlCluster",
    "nacos.io/Nacos",
    "o11y.prism.oam.dev/Grafana",
    "placeholder_ns/Namespace",
    "rollouts.kruise.io/Rollout",
    "sparkoperator.k8s.io/SparkApplication",
    "standard.oam.dev/Rollout",
    "vector.oam.dev/Config",
)
"""The kinds that a platform team would allow for these Applications, with `cluster.rbac` and
`cluster.serviceTypes`."""
READS_APPLICATIONS = (
    "list,watch applications.core.oam.dev in every namespace",
)
RIGHTS = {
    "addon-backstage/backstage-plugin-vela": READS_APPLICATIONS,
    "backstage/backstage-plugin-vela": READS_APPLICATIONS,
    "spark-app-v1/spark-workload-component": (
        "bind ClusterRole edit to ServiceAccount spark-cluster/default in every namespace",
    ),
}
"""The rights that the team lists; all other roles are harmless."""
METADATA = {
    "app.cluster.virtual.group": "groups clusters",
    "dev.nocalhost": "says where Nocalhost finds the Application",
    "seldon.io": "timeouts",
}
"""The labels and annotations that the team declares harmless."""
ELSEWHERE = replace(STACK, clusters=None, addressed=True)
"""A stack that allows nothing. Its clusters are unknown."""
ALLOWING = replace(
    ELSEWHERE,
    allowed=dict.fromkeys(ALLOWED, "what it opens"),
    rbac=True,
    rights=RIGHTS,
    metadata=METADATA,
    service_types=("LoadBalancer", "NodePort"),
)
