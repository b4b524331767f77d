#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# install.sh SCRIPT: what docs/examples/install.sh leaves behind, with programs of ours in the place of Debian's.
set -eu
script=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin" "$folder/root/usr/sbin"
export DESTDIR="$folder/root" PATH="$folder/bin:$PATH" LOG="$folder/log"
policy=$DESTDIR/usr/sbin/policy-rc.d
clusters=$DESTDIR/etc/postgresql-common/createcluster.d

stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"$folder/bin/$1"
  chmod +x "$folder/bin/$1"
}
# shellcheck disable=SC2016
stub sudo 'exec "$@"'
stub dpkg-query 'case $* in *there*) echo "install ok installed" ;; *) exit 1 ;; esac'
stub dpkg 'echo /etc/init.d/absent; echo /usr/bin/absent'
stub update-rc.d 'echo "update-rc.d $*" >>"$LOG"'
# Writes down what a package would meet, and ends as it is told.
stub apt-get 'echo "$*" >>"$LOG"
case $1 in install) ;; *) exit 0 ;; esac
status=0
"$DESTDIR/usr/sbin/policy-rc.d" absent start || status=$?
echo "policy $status" >>"$LOG"
grep -h create_main "$DESTDIR"/etc/postgresql-common/createcluster.d/*.conf >>"$LOG"
case ${END:-0} in TERM) kill -TERM $PPID ;; *) exit $END ;; esac'

run() {
  : >"$LOG"
  status=0
  sh "$script" "$@" 2>/dev/null || status=$?
}
fail() {
  echo "install.sh: $*" >&2
  cat "$LOG" >&2
  exit 1
}
nothing_left() { [ ! -e "$policy" ] && [ ! -e "$DESTDIR/etc/postgresql-common" ]; }
meets() { grep -qx "policy $1" "$LOG" && grep -qx 'create_main_cluster = false' "$LOG"; }

export END=0
run there
[ "$status" -eq 0 ] && [ ! -s "$LOG" ] || fail 'what is there is installed again'
run there absent
[ "$status" -eq 0 ] && meets 101 || fail 'a daemon may be started'
grep -qx 'install -qq -y --no-install-recommends absent' "$LOG" || fail 'other packages are installed'
grep -qx 'update-rc.d absent disable' "$LOG" || fail 'the daemon is started at the next boot'
nothing_left || fail 'a file is left'

for END in 100 TERM; do
  run absent
  [ "$status" -ne 0 ] && meets 101 || fail "after $END it says that all went well"
  nothing_left || fail "a file is left after $END"
done

END=0
printf '#!/bin/sh\nexit 77\n' >"$policy"
chmod +x "$policy"
mkdir -p "$clusters"
echo 'ssl = off' >"$clusters/own.conf"
run absent
[ "$status" -eq 0 ] && meets 77 || fail 'the policy of the machine does not count'
grep -q 'exit 77' "$policy" || fail 'the policy of the machine is gone'
[ "$(ls "$clusters")" = own.conf ] || fail 'the settings of the machine are others'

# one that was killed left its policy behind
printf '#!/bin/sh\n# There only while the install.sh of droplit runs.\nexit 101\n' >"$policy"
run absent
[ ! -e "$policy" ] || fail 'what a killed one left stays for ever'
