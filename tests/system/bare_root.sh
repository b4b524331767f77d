#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# bare_root.sh [MIRROR]: follows docs/install.md on a new, minimal Debian 12, in the order and with the packages of the page, then
# installs droplit-tools on another that has none of them, and checks the packages with lintian. It needs root, a Debian mirror,
# about five minutes, and 2 GB in a temporary folder.
set -eu
mirror=${1:-http://deb.debian.org/debian}
cd "$(dirname "$0")/../.."
sh docs/examples/install.sh debootstrap git ca-certificates
begin=$(date +%s)
stage() { echo "== bare root: $1, after $(($(date +%s) - begin)) seconds"; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
inside() {
  root=$folder/$1
  shift
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

stage debootstrap
debootstrap --variant=minbase bookworm "$folder/page" "$mirror" >"$folder/log" 2>&1 || { tail "$folder/log"; exit 1; }
cp /etc/resolv.conf /etc/hosts "$folder/page/etc"
cp -a "$folder/page" "$folder/tools"

stage 'the page'
mkdir -p "$folder/page/source/tests/repo"
cp tests/repo/install_page.sh "$folder/page/source/tests/repo"
cp -R docs "$folder/page/source"
sh tests/support/repository.sh "$PWD" "$folder/page/repository"
inside page sh /source/tests/repo/install_page.sh /source bare

stage 'droplit-tools alone'
cp "$folder"/page/packages/*.deb "$folder/tools/root"
inside tools sh -euc 'apt-get update -qq; apt-get install -qq -y --no-install-recommends /root/droplit-tools_*.deb >/dev/null
  droplit --version; droplit-server --help | head -n 1'

stage lintian
inside tools sh -euc 'apt-get install -qq -y --no-install-recommends lintian >/dev/null
  lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs /root/*.deb'
stage 'all is well'
