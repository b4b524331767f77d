#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# install.sh PACKAGE...: installs those Debian packages that are missing. Their daemons are started neither now nor at the
# next boot, and PostgreSQL's default cluster is not created. DESTDIR is the root of the two files that are there meanwhile.
set -eu
missing=
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing$missing" >&2
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
# One at a time: the first to end would take the other's files away. A policy of the machine's own is left as it is.
# shellcheck disable=SC2016,SC2086
$as_root env DEBIAN_FRONTEND=noninteractive flock /var/lib/dpkg sh -c '
  set -eu
  policy=$1/usr/sbin/policy-rc.d
  clusters=$1/etc/postgresql-common/createcluster.d
  shift
  mark="# There only while the install.sh of droplit runs."
  own=
  restore() {
    [ -z "$own" ] || rm -f "$policy"
    rm -f "$clusters/droplit.conf"
    rmdir "$clusters" "${clusters%/*}" 2>/dev/null || :  # unless others have files there
  }
  trap restore EXIT
  trap "exit 129" HUP
  trap "exit 130" INT
  trap "exit 143" TERM
  if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
    own=yes
    printf "#!/bin/sh\n%s\nexit 101\n" "$mark" >"$policy"  # invoke-rc.d starts nothing then
    chmod 755 "$policy"
  fi
  mkdir -p "$clusters"
  printf "%s\ncreate_main_cluster = false\n" "$mark" >"$clusters/droplit.conf"
  apt-get update -qq >&2
  apt-get install -qq -y --no-install-recommends "$@" >&2
  for service in $(dpkg -L "$@" | sed -n "s,^/etc/init.d/,,p"); do
    update-rc.d "$service" disable >&2
  done
' install "${DESTDIR:-}" $missing
