#!/usr/bin/env bash
# Checks the Terraform module, without AWS: the format, the module and each example, and its tests with a mocked provider.
#
# A machine without the internet can have the provider in a folder with registry.terraform.io in it, which TERRAFORM_PLUGINS names; one
# that is near the root is found. `tools/terraform.sh plugins` prints it, if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

# Provider folders lie a few levels below the root, if anywhere; but a provider is a program, and into some folders everybody may write.
plugins=${TERRAFORM_PLUGINS:-$(find / -maxdepth 3 \( -path /proc -o -path /sys -o -path /tmp -o -path /var/tmp -o -path /dev/shm \) -prune -o -type d -name registry.terraform.io -print -quit 2>/dev/null || true)}
plugins=${plugins%/registry.terraform.io}
if [ "${1:-}" = plugins ]; then
	[ -z "$plugins" ] || printf '%s\n' "$plugins"
	exit
fi

if ! command -v terraform >/dev/null; then
	echo "terraform is missing: version 1.9 or later is needed, from https://developer.hashicorp.com/terraform/install" >&2
	exit 1
fi
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
[ -f "${TF_CLI_CONFIG_FILE:-}" ] || unset TF_CLI_CONFIG_FILE

terraform fmt -check -diff -recursive terraform

# A copy, since init writes next to what it reads.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/plugins"
export TF_PLUGIN_CACHE_DIR="${TF_PLUGIN_CACHE_DIR:-$copy/plugins}"
tar -c --exclude .terraform --exclude '*.tfstate*' --exclude .terraform.lock.hcl terraform | tar -x -C "$copy"

for folder in terraform terraform/examples/*; do
	echo "$folder"
	terraform -chdir="$copy/$folder" init -backend=false -input=false -no-color ${plugins:+-plugin-dir="$plugins"} >"$copy/init" || {
		cat "$copy/init" >&2
		exit 1
	}
	terraform -chdir="$copy/$folder" validate -no-color
done
terraform -chdir="$copy/terraform" test -no-color
