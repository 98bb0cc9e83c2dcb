#!/usr/bin/env bash
# Checks the chart without a cluster: helm's lint, and what it renders of each file in ci/ against the schemas of several versions of
# Kubernetes. Then the tests of this folder, which look at what is rendered, and run the gateway as the Deployment says. `make helm`
# builds the tools first.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Neither plugins of this user's helm, nor a cluster of theirs, which the validator would ask first.
export HELM_CACHE_HOME=$dir HELM_CONFIG_HOME=$dir HELM_DATA_HOME=$dir KUBECONFIG=/dev/null
unset KUBERNETES_SERVICE_HOST
chart=deploy/helm/event-gateway
versions="1.25 1.26 1.27 1.28 1.29 1.30" # from kubeVersion in Chart.yaml to the newest that the validator knows

fail() {
	echo "deploy/helm/check.sh: $*" >&2
	exit 1
}
render() { bin/tools/helm template event-gateway $chart --namespace events --kube-version "$1" -f "$2" "${@:3}"; }
# valid VERSION says whether what comes in is valid there.
valid() {
	cat >"$dir/rendered.yaml"
	bin/tools/kubectl-validate --version "$1" "$dir/rendered.yaml" >"$dir/said" 2>&1
}

for values in "$chart"/ci/*.yaml; do
	bin/tools/helm lint --strict --quiet $chart --kube-version 1.30 -f "$values" || fail "lint with $values"
	for version in $versions; do
		# A ServiceMonitor is none of Kubernetes' own: there is no schema of it here.
		render "$version" "$values" --set serviceMonitor.enabled=false | valid "$version" || fail "$values, Kubernetes $version: $(cat "$dir/said")"
	done
	echo "ok: $(basename "$values") with Kubernetes $versions: $(grep -c '^kind:' "$dir/rendered.yaml") objects"
done

# That the validator looks at what it is given.
if render 1.30 $chart/ci/minimal.yaml | valid 1.28; then fail "the validator takes what Kubernetes 1.28 does not know"; fi
if render 1.30 $chart/ci/minimal.yaml | sed 's/containerPort: 4000/containerPort: four/' | valid 1.30; then fail "the validator takes a port that is no number"; fi
echo "ok: the validator refuses what is not valid"

go test -count=1 -timeout 5m ./deploy/helm
