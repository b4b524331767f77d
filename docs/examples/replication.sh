#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# replication.sh FOLDER COMMAND [NODE]: two PostgreSQL servers in FOLDER, the nodes `a` and `b`, of which one is the primary and
# the other its synchronous standby; and the two poolers that may be before them. docs/deployment.md explains it.
#   init NODE       a new primary, which has no data
#   run NODE        the server, until a signal ends it
#   join NODE       makes NODE a standby of the other one, which is running; NODE is not. What only NODE had is dropped
#   promote NODE    the standby NODE is the primary from now on
#   uri             what droplit-server is given as --storage
#   pgbouncer       PgBouncer, until a signal ends it
#   route NODE      PgBouncer goes to NODE from now on
#   pgpool          pgpool-II, until a signal ends it; it promotes by itself
# As the servers' user, who is not root. Ports: PORT_a, PORT_b, PORT_pgbouncer, PORT_pgpool. All on 127.0.0.1, where no password
# is asked for: on machines of their own the nodes have addresses, `scram-sha-256` in pg_hba.conf and TLS.
set -eu
folder=$(realpath "$1") command=$2 node=${3:-}
PATH=/usr/lib/postgresql/15/bin:/usr/sbin:$PATH
unset PGHOSTADDR PGSERVICE PGOPTIONS
script=$(realpath "$0")
user='user=droplit dbname=postgres sslmode=disable gssencmode=disable'

port() { eval "echo \${PORT_$1}"; }
other() { if [ "$1" = a ]; then echo b; else echo a; fi; }
server() { echo "host=127.0.0.1 port=$(port "$1")"; }
sql() { psql -XAtq -d "$(server "$1") $user" -c "$2"; }

# Names that only the nodes have: with `*` a backup that streams would count as a standby.
promise="synchronous_standby_names=ANY 1 (a, b)"

clone() {
  rm -rf "${folder:?}/$1"
  pg_basebackup -D "$folder/$1" -d "$(server "$(other "$1")") $user" -R -X stream -c fast
}

case $command in
  init)
    initdb -D "$folder/$node" -U droplit -A trust -E UTF8 --locale=C --no-instructions
    ;;
  run)
    # Both nodes promise the same, so that a new primary acknowledges nothing before it has a standby.
    exec postgres -D "$folder/$node" -c listen_addresses=127.0.0.1 -c port="$(port "$node")" \
      -c unix_socket_directories= -c cluster_name="$node" -c "$promise" -c synchronous_commit=on \
      -c wal_log_hints=on -c wal_keep_size=256MB -c wal_retrieve_retry_interval=200ms
    ;;
  join)
    # With the checkpoint the primary's timeline is in its control file, where pg_rewind reads it.
    sql "$(other "$node")" CHECKPOINT
    if [ ! -e "$folder/$node" ]; then
      clone "$node"
    else
      pg_rewind -D "$folder/$node" --source-server="$(server "$(other "$node")") $user" -R || clone "$node"
    fi
    ;;
  promote)
    pg_ctl promote -D "$folder/$node"
    ;;
  uri)
    echo "postgresql:///postgres?host=127.0.0.1,127.0.0.1&port=$PORT_a,$PORT_b&target_session_attrs=read-write&user=droplit"
    ;;
  pgbouncer)
    cat >"$folder/pgbouncer.ini" <<CONFIGURATION
[databases]
%include $folder/route.ini
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $PORT_pgbouncer
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 32
server_login_retry = 1
pidfile = $folder/pgbouncer.pid
CONFIGURATION
    exec pgbouncer "$folder/pgbouncer.ini"
    ;;
  route)
    echo "postgres = $(server "$node") user=droplit" >"$folder/route.new"
    mv "$folder/route.new" "$folder/route.ini"
    if [ -e "$folder/pgbouncer.pid" ]; then kill -HUP "$(cat "$folder/pgbouncer.pid")"; fi
    ;;
  pgpool)
    cat >"$folder/pgpool.conf" <<CONFIGURATION
backend_clustering_mode = 'streaming_replication'
listen_addresses = '127.0.0.1'
port = $PORT_pgpool
socket_dir = '$folder'
pcp_port = 9898
pcp_listen_addresses = ''
pcp_socket_dir = '$folder'
pid_file_name = '$folder/pgpool.pid'
logdir = '$folder'
work_dir = '$folder'
backend_hostname0 = '127.0.0.1'
backend_port0 = $PORT_a
backend_application_name0 = 'a'
backend_hostname1 = '127.0.0.1'
backend_port1 = $PORT_b
backend_application_name1 = 'b'
# All at the primary: a standby may be behind.
load_balance_mode = off
num_init_children = 40
max_pool = 1
sr_check_user = 'droplit'
sr_check_period = 1
health_check_user = 'droplit'
health_check_period = 1
health_check_timeout = 5
# %d: the node that died.
failover_command = 'if [ %d = %P ]; then sh "$script" "$folder" promote \$(echo ab | tr -d \$(echo ab | cut -c\$((%d + 1)))); fi'
auto_failback = on
auto_failback_interval = 1
CONFIGURATION
    exec pgpool -n -f "$folder/pgpool.conf" -F "$folder/pcp.conf" -a "$folder/pool_hba.conf"
    ;;
  *)
    echo "replication.sh: no command $command" >&2
    exit 2
    ;;
esac
