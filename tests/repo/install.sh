#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# install.sh SCRIPT: what docs/examples/install.sh leaves, with programs of ours in the place of Debian's.
# shellcheck disable=SC2015,SC2016
set -eu
[ -n "${DROPLIT_SIGNALS:-}" ] || DROPLIT_SIGNALS=default exec env --default-signal sh "$0" "$@"  # none ignored, as by nohup
script=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export DESTDIR="$folder/root" PATH="$folder/bin:$PATH" LOG="$folder/log"
etc=$DESTDIR/etc
policy=$DESTDIR/usr/sbin/policy-rc.d
clusters=$etc/postgresql-common/createcluster.d
mkdir -p "$folder/bin" "$DESTDIR/usr/sbin" "$DESTDIR/var/lib/dpkg"

stub() {
  printf '#!/bin/sh\n%s\n' "$2" >"$folder/bin/$1"
  chmod +x "$folder/bin/$1"
}
stub sudo 'echo sudo >>"$LOG"; exec "$@"'
stub id 'echo "${USER_ID:-1000}"'
stub dpkg-query 'case $* in *there*) echo "install ok installed" ;; *) exit 1 ;; esac'
stub update-rc.d '[ "$* ${BROKEN:-}" = "daemon disable " ] || exit 1
for link in "$DESTDIR"/etc/rc?.d/S??daemon; do mv "$link" "${link%/*}/K01daemon"; done'
# Writes down what a package would meet; enables daemons as a package, or one that it depends on, does; and ends as END says.
# The number of a service that was there changes, as insserv does it.
stub apt-get 'echo "$*" >>"$LOG"
case $1 in install) ;; *) exit 0 ;; esac
status=0
"$DESTDIR/usr/sbin/policy-rc.d" daemon start || status=$?
echo "policy $status" >>"$LOG"
grep -h create_main "$DESTDIR"/etc/postgresql-common/createcluster.d/*.conf >>"$LOG"
cd "$DESTDIR/etc"
if [ -d rc2.d ]; then
  mv rc2.d/S01old rc2.d/S02old
  : >init.d/daemon
  for level in 2 3; do ln -s ../init.d/daemon rc$level.d/S01daemon; done
fi
mkdir -p systemd/system/timers.target.wants
wants=multi-user.target.wants
for link in $wants/daemon.service $wants/unit@a.service timers.target.wants/unit.timer alias.service; do
  ln -s /lib/systemd/system/${link##*/} systemd/system/$link
done
ln -s /dev/null systemd/system/masked.service
case ${END:-0} in [A-Z]*) kill -$END $PPID ;; *) exit $END ;; esac'

# run PACKAGE...: on a machine that has one init script and one unit, which are enabled.
run() {
  : >"$LOG"
  rm -rf "$etc/init.d" "$etc"/rc?.d "$etc/systemd"
  mkdir -p "$etc/init.d" "$etc/rc2.d" "$etc/rc3.d" "$etc/systemd/system/multi-user.target.wants"
  ln -s ../init.d/old "$etc/rc2.d/S01old"
  ln -s /lib/systemd/system/old.service "$etc/systemd/system/multi-user.target.wants/old.service"
  again "$@"
}
# again PACKAGE...: on the machine as it is.
again() {
  status=0
  sh "$script" "$@" 2>/dev/null || status=$?
}
fail() {
  echo "install.sh: $*" >&2
  cat "$LOG" >&2
  exit 1
}
nothing_left() { [ ! -e "$policy" ] && [ ! -e "$etc/postgresql-common" ]; }
meets() { grep -qx "policy $1" "$LOG" && grep -qx 'create_main_cluster = false' "$LOG"; }
links() { (cd "$etc" && find . -type l | sort | tr '\n' ' '); }
expected='./rc2.d/K01daemon ./rc2.d/S02old ./rc3.d/K01daemon ./systemd/system/masked.service '\
'./systemd/system/multi-user.target.wants/old.service '
only_old_enabled() { [ "$(links)" = "$expected" ]; }

export END=0
run there
[ "$status" -eq 0 ] && [ ! -s "$LOG" ] || fail 'what is there is installed again'
run there absent
meets 101 || fail 'a daemon may be started'
grep -qx 'install -qq -y --no-install-recommends absent' "$LOG" || fail 'other packages are installed'
only_old_enabled || fail "other services are started at the next boot: $(links)"
[ "$status" -eq 0 ] && nothing_left || fail 'it fails, or a file is left'
[ "$(grep -c sudo "$LOG")" -eq 1 ] || fail 'a user does not become root once'
USER_ID=0
export USER_ID
run absent
[ "$status" -eq 0 ] && meets 101 || fail 'root cannot install'
! grep -q sudo "$LOG" || fail 'root needs sudo'

for END in 100 HUP INT QUIT TERM; do
  run absent
  [ "$status" -ne 0 ] && meets 101 || fail "after $END it says that all went well"
  only_old_enabled || fail "other services are started at the next boot after $END: $(links)"
  nothing_left || fail "a file is left after $END"
done

END=KILL
run absent
[ "$status" -ne 0 ] && meets 101 || fail "after $END it says that all went well"
flock "$DESTDIR/var/lib/dpkg" true  # the end of apt-get
"$policy" daemon start || fail 'the policy that a killed one left has an effect'
END=0
run absent
nothing_left || fail 'what a killed one left stays for ever'

BROKEN=yes
export BROKEN
run absent
[ "$status" -ne 0 ] && nothing_left || fail 'a daemon stays enabled and it says that all went well'
unset BROKEN

# A machine that has neither services nor the programs that manage them.
mkdir "$folder/few"
for program in sh env grep find sed sort rm rmdir mkdir chmod ln; do
  ln -s "$(command -v "$program")" "$folder/few/$program"
done
mv "$folder/bin/update-rc.d" "$folder/"
rm -rf "$etc/init.d" "$etc"/rc?.d "$etc/systemd"
: >"$LOG"
full=$PATH
PATH=$folder/bin:$folder/few
again absent
PATH=$full
[ "$status" -eq 0 ] && meets 101 && nothing_left || fail 'it needs more than Debian has'
[ "$(links)" = ./systemd/system/masked.service' ' ] || fail "services are started at the next boot: $(links)"
mv "$folder/update-rc.d" "$folder/bin/"

printf '#!/bin/sh\nexit 77\n' >"$policy"
chmod +x "$policy"
mkdir -p "$clusters"
echo 'ssl = off' >"$clusters/own.conf"
run absent
[ "$status" -eq 0 ] && meets 77 || fail 'the policy of the machine does not count'
grep -q 'exit 77' "$policy" || fail 'the policy of the machine is gone'
[ "$(ls "$clusters")" = own.conf ] || fail 'the settings of the machine are others'
