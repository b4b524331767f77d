#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# install.sh PACKAGE...: installs those Debian packages that are missing, as root or with sudo. Daemons that come with them, or
# with what they depend on, are started neither now nor at the next boot, and PostgreSQL's default cluster is not created.
# Exceptions: a policy-rc.d that the machine already has decides itself what is started now; a unit that its package enables
# in /lib (dbus) stays enabled; and so does what is installed when SIGKILL ends this script.
# DESTDIR is the root of all files that this script itself reads or writes.
set -eu
missing=
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing$missing" >&2
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
# shellcheck disable=SC2016,SC2086
exec $as_root env DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} sh -c '
  set -eu
  umask 022
  PATH=$PATH:/usr/sbin:/sbin
  root=$1
  shift
  policy=$root/usr/sbin/policy-rc.d
  clusters=$root/etc/postgresql-common/createcluster.d
  mark="# There only while the install.sh of droplit runs."
  own=
  before=
  # The names of the init scripts and units that are enabled and are not in $before.
  enabled() {
    find "$root"/etc/rc[2-5].d "$root/etc/systemd/system" -type l ! -name "K[0-9][0-9]*" ! -lname /dev/null 2>/dev/null |
      sed "s,.*/,,; s,^S[0-9][0-9],," | sort -u | grep -vxF "$before"
  }
  restore() {
    trap "" HUP INT QUIT TERM
    [ -z "$own" ] || rm -f "$policy"
    rm -f "$clusters/droplit.conf"
    rmdir "$clusters" "${clusters%/*}" 2>/dev/null || :  # unless others have files there
    enabled | while read -r name; do
      [ ! -e "$root/etc/init.d/$name" ] || update-rc.d "$name" disable >&2 || :
      [ ! -d "$root/etc/systemd/system" ] || find "$root/etc/systemd/system" -type l -name "$name" -delete
    done
    if enabled >&2; then
      echo "install.sh: these are still enabled" >&2
      exit 1
    fi
  }
  # One at a time: the first to end would remove the files that the other still needs.
  if command -v flock >/dev/null; then
    exec 9<"$root/var/lib/dpkg"
    flock 9
  fi
  before=$(enabled) || :
  trap restore EXIT
  trap "exit 1" HUP INT QUIT TERM
  if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
    own=yes
    # 101: invoke-rc.d starts nothing. A policy that SIGKILL left has no effect: its lock is free.
    printf "#!/bin/sh\n%s\nflock -n %s true 2>/dev/null || exit 101\n" "$mark" "$root/var/lib/dpkg" >"$policy"
    chmod 755 "$policy"
  fi
  mkdir -p "$clusters"
  printf "%s\ncreate_main_cluster = false\n" "$mark" >"$clusters/droplit.conf"
  apt-get update -qq >&2
  apt-get install -qq -y --no-install-recommends "$@" >&2
' install "${DESTDIR:-}" $missing
