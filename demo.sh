#!/usr/bin/env bash
# The main job on this machine, with a simulated inverter: Modbus TCP -> edge -> HTTP -> VPS -> PostgreSQL and Redis -> realtime API.
# With --fleet the VPS pushes on to a second one, with a database of its own.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/debian.sh

usage() {
  cat <<'USAGE'
Usage: ./demo.sh [--fleet] [--seconds N]

Starts a private PostgreSQL and Redis, the VPS, a simulated inverter and the edge, and prints where to look: the dashboard's address and the
token to sign in with. The edge replays a day of history first. Ctrl-C stops all of it.

  --seconds N   Poll for N seconds, let the uplink drain, and exit 0 only if every sample polled is stored and none waits.
                Without history.
  --fleet       Start a second VPS, an installer's, to which the first one pushes; its page shows every home that does.
                With --seconds: exit 0 only if both databases hold the same samples.
USAGE
}

seconds= fleet=
while [ $# -gt 0 ]; do
  case $1 in
    --seconds)
      seconds=${2-}
      [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "--seconds takes a whole number from 1 on."
      shift 2
      ;;
    --fleet) fleet=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "'$1' is not an option." ;;
  esac
done

interval=10
pids=()
data=

stop() {
  local status=$?
  # A second Ctrl-C would leave behind whatever is still to be stopped.
  trap - EXIT
  trap '' INT TERM
  # The edge first, that its last report finds the VPS; PostgreSQL last.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
  [ -z "$data" ] || rm -rf "$data"
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_for WHAT COMMAND..: until COMMAND succeeds, for a minute at most.
wait_for() {
  local what=$1
  shift
  for _ in {1..300}; do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  tail -n 20 "$data"/*.log >&2
  die "$what did not start within a minute."
}

need_sdk
need_node
need_packages postgresql redis-server

# PostgreSQL refuses to run as root: there it runs as the user that its package made, who may have no way into root's own TMPDIR.
as_postgres=()
temp=${TMPDIR:-/tmp}
if [ "$(id -u)" -eq 0 ]; then
  as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all)
  "${as_postgres[@]}" test -x "$temp" || temp=/tmp
fi
data=$(mktemp -d "$temp/sungrow-demo.XXXXXX")
say "Building .."
for project in edge/Sungrow.Simulator edge/Sungrow.Edge vps/Sungrow.Vps; do
  dotnet build "$project" -c Release --nologo --verbosity quiet >"$data/build.log" 2>&1 || { cat "$data/build.log" >&2; die "$project does not build."; }
done
program() { echo "$PWD/$1/bin/Release/net10.0/$2.dll"; }
vps=$(program vps/Sungrow.Vps sungrow-vps)
edge=$(program edge/Sungrow.Edge sungrow-edge)
simulator=$(program edge/Sungrow.Simulator sungrow-simulator)

secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
device_token=$(secret) viewer_token=$(secret) database_password=$(secret)

mkdir "$data/postgres"
(umask 077 && printf '%s' "$database_password" >"$data/postgres.password")
if [ "$(id -u)" -eq 0 ]; then
  chmod 711 "$data"
  chown -R postgres: "$data/postgres" "$data/postgres.password"
fi
bin=$(postgres_bin)
preload=
if [ -e "$("$bin/pg_config" --sharedir 2>/dev/null || echo "/usr/share/postgresql/$(basename "$(dirname "$bin")")")/extension/timescaledb.control" ]; then
  preload=timescaledb
fi
(
  cd /
  "${as_postgres[@]}" "$bin/initdb" --pgdata "$data/postgres" --username sungrow --pwfile "$data/postgres.password" \
    --auth scram-sha-256 --encoding UTF8 --no-sync
) >"$data/initdb.log" 2>&1 || { cat "$data/initdb.log" >&2; die "PostgreSQL could not be set up."; }
database_port=$(free_port 25432) # Below 32768: above, a connection that goes out may have it for a moment.
# Each in a session of its own: a terminal gives Ctrl-C to all of its own at once, and the edge would find nobody for its last report.
setsid "${as_postgres[@]}" "$bin/postgres" -D "$data/postgres" -p "$database_port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= -c "shared_preload_libraries=$preload" >"$data/postgres.log" 2>&1 &
pids+=($!)
export PGPASSWORD=$database_password
sql() { "$bin/psql" --host 127.0.0.1 --port "$database_port" --username sungrow --no-psqlrc --tuples-only --no-align --command "$1" "${2:-postgres}"; }
wait_for PostgreSQL sql 'SELECT 1'
sql 'CREATE DATABASE sungrow' >/dev/null

redis_port=$(free_port 63790)
setsid redis-server --bind 127.0.0.1 --port "$redis_port" --save '' --appendonly no --dir "$data" >"$data/redis.log" 2>&1 &
pids+=($!)

setsid dotnet "$simulator" --port 0 --log "$data/served.jsonl" >"$data/simulator.log" 2>&1 &
pids+=($!)
wait_for 'The simulated inverter' grep -q '^listening ' "$data/simulator.log"
read -r _ inverter _ serial _ <"$data/simulator.log"

api_port=$(free_port 8080)
url=http://localhost:$api_port
if [ -n "$fleet" ]; then
  # No Redis: its realtime keys would be the first one's.
  sql 'CREATE DATABASE fleet' >/dev/null
  # Not localhost again: a cookie knows no port, and whoever signs in to one would be signed out of the other.
  admin_url=http://127.0.0.1:$(free_port $((api_port + 1)))
  admin_database=postgres://sungrow:$database_password@127.0.0.1:$database_port/fleet
  ASPNETCORE_URLS=$admin_url DATABASE_URL=$admin_database Application__RunMode=Admin setsid dotnet "$vps" >"$data/admin.log" 2>&1 &
  pids+=($!)
  wait_for "The installer's VPS" env ASPNETCORE_URLS="$admin_url" dotnet "$vps" health
  customer_token=$(DATABASE_URL=$admin_database dotnet "$vps" customers add home --json | sed -n 's/.*"token": "\(.*\)".*/\1/p')
  fleet_token=$(DATABASE_URL=$admin_database Application__RunMode=Admin dotnet "$vps" viewers add installer --fleet --json |
    sed -n 's/.*"token": "\(.*\)".*/\1/p')
  export FleetIngest__Enabled=true FleetIngest__Url=$admin_url FleetIngest__Token=$customer_token FleetIngest__Interval=00:00:02
fi
ASPNETCORE_URLS=$url \
  DATABASE_URL=postgres://sungrow:$database_password@127.0.0.1:$database_port/sungrow \
  REDIS_URL=redis://127.0.0.1:$redis_port \
  DEVICE_TOKENS=$device_token:$serial \
  VIEWER_TOKENS=$viewer_token:$serial \
  setsid dotnet "$vps" >"$data/vps.log" 2>&1 &
pids+=($!)
wait_for 'The VPS' env ASPNETCORE_URLS="$url" dotnet "$vps" health

export Inverter__Host=${inverter%:*} Inverter__Port=${inverter##*:} Polling__Interval=00:00:$interval Inverter__TimeZone=UTC
export Buffer__Path=$data/buffer.db Uplink__Url=$url Uplink__Token=$device_token
say
say "  inverter   $serial, simulated, Modbus TCP on $inverter"
say "  dashboard  $url"
say "  token      $viewer_token"
if [ -n "$fleet" ]; then
  say "  fleet      $admin_url, the installer's: this home is pushed there, as the customer 'home'"
  say "  its token  $fleet_token"
fi
say "  try        curl -H 'Authorization: Bearer $viewer_token' '$url/v1/realtime?device_id=$serial'"
say

if [ -z "$seconds" ]; then
  # A day of the past, so that there is something to look at: through the edge's own buffer and uplink, like any backlog.
  say "Giving the edge a day of history to replay .."
  dotnet "$simulator" samples --hours 24 --interval $interval --serial "$serial" >"$data/history.csv"
  dotnet "$edge" import "$data/history.csv" >&2
  say "Polling every $interval s until Ctrl-C .."
  setsid dotnet "$edge" run &
  pids+=($!)
  wait $!
  exit
fi

say "Polling every $interval s for $seconds s .."
dotnet "$edge" run --seconds "$seconds" | tee "$data/edge.log" >&2
summary=$(tail -n 1 "$data/edge.log")
field() { sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" <<<"$summary"; }
polled=$(field polled) waiting=$(field waiting)
stored=$(sql "SELECT count(*) FROM sungrow_samples WHERE device_id = '$serial'" sungrow)

status=0
[ "$polled" -ge $((seconds / interval - 1)) ] && [ "$polled" -eq "$stored" ] && [ "$waiting" -eq 0 ] || status=1
if [ -n "$fleet" ]; then
  # One line a database: how many, and a checksum over every value.
  sum() {
    sql "SELECT count(*) || ' ' || coalesce(md5(string_agg((device_id, extract(epoch FROM ts), pv_power_w, pv_daily_kwh, battery_power_w,
      battery_soc_pct, battery_temp_c, load_power_w, export_power_w, sample_count, interval_s, seq)::text, ',' ORDER BY device_id, ts)), '') FROM $1" "$2"
  }
  same() { [ "$(sum sungrow_samples sungrow)" = "$(sum fleet.measurements fleet)" ]; }
  for _ in {1..100}; do same && break || sleep 0.2; done
  same || status=1
  say "fleet: $(sql 'SELECT count(*) FROM fleet.measurements' fleet) of $stored samples are on the installer's VPS$(same && echo ', and they are the same')"
fi
echo "polled=$polled stored=$stored waiting=$waiting"
exit "$status"
