#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# deb.sh SOURCE BUILD: makes the Debian packages of a build with the programs, unpacks them to an empty root and uses them there.
# Whether their dependencies can be installed is asked of this machine's apt; tests/system/bare_root.sh installs them on another.
set -eu
source=$1 build=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root
fail() {
  echo "$*"
  exit 1
}
quietly() { "$@" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }; }
(umask 077 && quietly cpack --config "$build/CPackConfig.cmake" -B "$folder/packages")
dev=$(echo "$folder"/packages/libdroplit-dev_*-1_all.deb)
tools=$(echo "$folder/packages/droplit-tools_"*"-1_$(dpkg --print-architecture).deb")
for package in "$dev" "$tools"; do
  ! dpkg-deb -c "$package" | grep '^d' | grep -v '^drwxr-xr-x root/root' || fail "$package has folders that are not everyone's"
  ! dpkg-deb -c "$package" | grep '^-' | grep -v '^-rwxr-xr-x root/root\|^-rw-r--r-- root/root' || fail "$package has files that are not everyone's"
done
quietly apt-get install --simulate --no-install-recommends "$dev" "$tools"
grep -q '^Inst libdroplit-dev ' "$folder/log" || fail "apt would not install libdroplit-dev"
grep -q '^Inst droplit-tools ' "$folder/log" || fail "apt would not install droplit-tools"
for library in libc6 libstdc++6 libboost-json1.81.0 libcurl4 libsqlite3-0 libpq5; do
  dpkg-deb -f "$tools" Depends | grep -qF "$library " || fail "droplit-tools does not depend on $library"
done
dpkg-deb -f "$dev" Depends | grep -q '^libboost1.81-dev | .*, libboost-json1.81-dev | ' || fail "libdroplit-dev does not depend on Boost"
for library in libsqlite3-dev libpq-dev libcurl4-openssl-dev; do
  dpkg-deb -f "$dev" Suggests | grep -qF "$library" || fail "libdroplit-dev does not suggest $library"
done

dpkg-deb -x "$tools" "$root"
(cd "$root" && find . -type f | LC_ALL=C sort) >"$folder/files"
diff - "$folder/files" <<'FILES'
./usr/bin/droplit
./usr/bin/droplit-server
./usr/lib/systemd/system/droplit-server.service
./usr/share/doc/droplit-tools/changelog.Debian.gz
./usr/share/doc/droplit-tools/changelog.gz
./usr/share/doc/droplit-tools/copyright
./usr/share/man/man1/droplit-server.1.gz
./usr/share/man/man1/droplit.1.gz
FILES
"$root/usr/bin/droplit" --version | grep -q '^droplit [0-9]' || fail "the Console does not run"
"$root/usr/bin/droplit-server" --help >"$folder/help"
gzip -dc "$root/usr/share/man/man1/droplit-server.1.gz" | sed '1,/^\.nf/d; s/\\-/-/g' | grep -vx '\.fi' | diff "$folder/help" - ||
  fail "the manual page is not what --help prints"
"$root/usr/bin/droplit-server" --help | grep -q -- --storage || fail "the server does not run"

dpkg-deb -x "$dev" "$root"
# A sanitizer's messages name the sources, so its programs do.
programs=$root/usr/bin
if grep -q __ubsan_ "$programs/droplit"; then programs=; fi
! grep -rlE "$source|$build" "$root/usr/include" "$root/usr/share" $programs || fail "a path of this machine is in a package"
quietly cmake -S "$source/tests/repo/consumer/finds" -B "$folder/finds" -DCMAKE_PREFIX_PATH="$root/usr"
grep -q "^droplit_DIR:PATH=$root/usr/share/cmake/droplit$" "$folder/finds/CMakeCache.txt" || fail "another droplit was found"
[ "$(PKG_CONFIG_PATH=$root/usr/share/pkgconfig pkg-config --modversion droplit)-1" = "$(dpkg-deb -f "$dev" Version)" ] ||
  fail "pkg-config finds another version"
