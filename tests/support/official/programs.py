"""Build Kubernetes' own programs and the official plugin once, from their Go modules into the
cache.

    python -m tests.support.official.programs

builds missing programs, and prints the folder.

The programs are kube-apiserver, kube-controller-manager and kubectl (k8s.io/kubernetes,
Apache-2.0), etcd (go.etcd.io/etcd, Apache-2.0) and the plugin of pulumi-kubernetes (Apache-2.0). A
further program judges connections by NetworkPolicies (sigs.k8s.io/kube-network-policies,
Apache-2.0). Go downloads only modules of its proxy.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.toolchain import (
    ToolchainError,
    alone,
    build,
    cache,
    downloaded,
    go_mod,
)

KUBERNETES: Final = "1.35.4"
ETCD: Final = "3.6.5"
_SERVERS: Final = {
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "etcd": "go.etcd.io/etcd/server/v3",
}
PLUGIN: Final = "pulumi-resource-kubernetes"
_PLUGIN_MODULE: Final = "github.com/pulumi/pulumi-kubernetes/provider/v4"
# The newest module version. The SDK is newer: a newer plugin comes with KONG_OAM_PLUGINS.
_PLUGIN_VERSION: Final = "v4.0.0-20260115033456-f47bc2d6f199"
_MAIN: Final = """package main

import (
\t_ "embed"

\t"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed mapping.json
var mapping []byte

func main() {
\tprovider.Serve("kubernetes", "VERSION", schema, mapping)
}
"""
JUDGE: Final = "network-policies"
_JUDGE_MODULE: Final = "sigs.k8s.io/kube-network-policies"
_JUDGE_VERSION: Final = "v1.1.0"
# Reads lines of "source destination port" and prints for each whether the packet passes, by the API
# server's objects.
_JUDGE: Final = """package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"os"

	core "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	"sigs.k8s.io/kube-network-policies/pkg/podinfo"
)

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	namespaces, pods := factory.Core().V1().Namespaces(), factory.Core().V1().Pods()
	policies := networkpolicy.NewStandardNetworkPolicy("", namespaces, pods, factory.Networking().V1().NetworkPolicies())
	engine := networkpolicy.NewPolicyEngine(podinfo.NewInformerProvider(pods, namespaces, nil, nil), []api.PolicyEvaluator{policies})
	factory.Start(context.Background().Done())
	for kind, synced := range factory.WaitForCacheSync(context.Background().Done()) {
		if !synced {
			log.Fatal("not read: ", kind)
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var source, destination string
		var port int
		if _, err := fmt.Sscan(lines.Text(), &source, &destination, &port); err != nil {
			log.Fatal(err)
		}
		packet := &network.Packet{Family: core.IPv4Protocol, SrcIP: net.ParseIP(source), DstIP: net.ParseIP(destination),
			Proto: core.ProtocolTCP, SrcPort: 40000, DstPort: port}
		passes, err := engine.EvaluatePacket(context.Background(), packet)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(passes)
	}
}
"""
_VERSIONS: Final = (
    "k8s.io/component-base/version",
    "k8s.io/client-go/pkg/version",
)


def folder() -> Path:
    """Return the folder of the programs; build them first if it is missing. Raises ToolchainError."""
    found = cache() / f"kubernetes-v{KUBERNETES}"
    if not all((found / name).exists() for name in (*_SERVERS, PLUGIN, JUDGE)):
        found.mkdir(parents=True, exist_ok=True)
        with alone(found / ".lock", f"building Kubernetes v{KUBERNETES}"):
            _build_servers(found)
            if not (found / PLUGIN).exists():
                _build_plugin(found)
            if not (found / JUDGE).exists():
                _build_judge(found)
    return found


def _build_servers(found: Path) -> None:
    missing = {
        name: package
        for name, package in _SERVERS.items()
        if not (found / name).exists()
    }
    if not missing:
        return
    minor = KUBERNETES.removeprefix("1.")
    about = downloaded(found, "k8s.io/kubernetes", f"v{KUBERNETES}") / "go.mod"
    # Modules in that repository's own tree have the version 0.0.0 there, and are published
    # separately.
    staged = re.findall(
        r"^\s*(k8s\.io/\S+) v0\.0\.0$", about.read_text("utf-8"), re.MULTILINE
    )
    lines = [
        "module build\n\ngo 1.25\n\ngodebug default=go1.25\n",
        f"require (\n\tk8s.io/kubernetes v{KUBERNETES}\n\tgo.etcd.io/etcd/server/v3 v{ETCD}\n)\n",
        "replace (",
        *(
            f"\t{module} => {module} v0.{minor}"
            for module in sorted(set(staged))
        ),
        ")\n",
    ]
    numbers = {
        "gitVersion": f"v{KUBERNETES}",
        "gitMajor": "1",
        "gitMinor": minor.split(".")[0],
    }
    flags = [
        f"-X {module}.{name}={value}"
        for module in _VERSIONS
        for name, value in numbers.items()
    ]
    build(
        found,
        f"Kubernetes v{KUBERNETES}",
        {"go.mod": "\n".join(lines)},
        missing,
        " ".join(("-s -w", *flags)),
    )


def _build_plugin(found: Path) -> None:
    version = _PLUGIN_VERSION.removeprefix("v")
    at = downloaded(found, _PLUGIN_MODULE, _PLUGIN_VERSION) / "cmd" / PLUGIN
    schema = json.loads((at / "schema.json").read_text("utf-8"))
    files = {
        "go.mod": go_mod(_PLUGIN_MODULE, _PLUGIN_VERSION),
        "schema.json": json.dumps({**schema, "version": version}),
        "mapping.json": (at / "terraform-mapping.json").read_text("utf-8"),
        "main.go": _MAIN.replace("VERSION", version),
    }
    build(
        found,
        f"the plugin of pulumi-kubernetes, {version}",
        files,
        {PLUGIN: "."},
        "-s -w",
    )


def _build_judge(found: Path) -> None:
    files = {
        "go.mod": go_mod(_JUDGE_MODULE, _JUDGE_VERSION, "1.26.0"),
        "main.go": _JUDGE,
    }
    build(
        found,
        f"kube-network-policies {_JUDGE_VERSION}",
        files,
        {JUDGE: "."},
        "-s -w",
    )


def private_key() -> bytes:
    """Return an RSA key of 2,048 bits in PEM, for the API server's tokens of service accounts."""
    key = rsa.generate_private_key(65537, 2048)
    encoding, form = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
    )
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def main() -> int:
    """Print the folder; progress and errors go to stderr."""
    try:
        print(folder())
    except ToolchainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
