#!/bin/bash
# Installs the edge as a service of systemd on Raspberry Pi OS (64-bit) and Debian, or upgrades it in place.
#
#   /opt/sungrow-edge/versions/*   the programs: the one that runs (current), the one before it (previous)
#   /opt/sungrow-edge/dotnet       the .NET runtime, where the system has none
#   /etc/sungrow-edge              settings (edge.env) and the token; /etc/sungrow-edge/NAME for sungrow-edge@NAME
#   /var/lib/sungrow-edge          the buffer; /var/lib/sungrow-edge/NAME for sungrow-edge@NAME
#   /usr/local/bin/sungrow-edge    its commands, with the service's settings and user
#
# Exit code 0: it runs and all is well; 1: nothing was changed that matters; 2: wrong words; 3: installed, and something is missing.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
channel=10.0

usage() {
  cat <<'USAGE'
Usage: sudo systemd/install.sh [OPTIONS]             install, or upgrade in place
       sudo systemd/install.sh rollback              run the version before this one again
       sudo systemd/install.sh uninstall [--purge]   remove it; with --purge also buffer, settings and token

  --from DIR          the published program; without it, it is built from the sources beside this script
  --host ADDRESS      the inverter (or Inverter__Host); without it, the local network is searched
  --url URL           the VPS (or Uplink__Url)
  --token-file FILE   holds this device's token, - reads it from standard input (or Uplink__Token)
  --instance NAME     one of several inverters: its own settings, token and buffer, as sungrow-edge@NAME
  --root DIR          install below DIR, for an image: starts nothing and asks nothing

What is not given stays as it was. All other settings: /etc/sungrow-edge/edge.env.
USAGE
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$2" >&2; exit "$1"; }
die() { fail 1 "$*"; }
wrong() { fail 2 "$*"; }

command=install from='' host='' url='' token_file='' instance='' root='' purge=
while [ $# -gt 0 ]; do
  case $1 in
    install | rollback | uninstall) command=$1; shift ;;
    --purge) purge=1; shift ;;
    -h | --help) usage; exit 0 ;;
    --from | --host | --url | --token-file | --instance | --root)
      [ -n "${2-}" ] || wrong "$1 takes a value."
      name=${1#--}
      printf -v "${name//-/_}" %s "$2"
      shift 2
      ;;
    *) usage >&2; wrong "'$1' is no option: allowed is what stands above." ;;
  esac
done

[ -z "$instance" ] || [[ $instance =~ ^[A-Za-z0-9_]{1,32}$ ]] || wrong "--instance is '$instance': allowed is 1 to 32 of A-Z a-z 0-9 _."
[ -z "$purge" ] || [ "$command" = uninstall ] || wrong "--purge belongs to uninstall."
if [ -n "$root" ]; then
  [ -d "$root" ] || wrong "--root is '$root': allowed is a folder that exists."
  root=$(readlink -f "$root")
  [ "$root" != / ] || root=
fi
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || die "must be run by root: sudo $0"
[ -n "$root" ] || [ -d /run/systemd/system ] || die "systemd does not run here: --root DIR prepares an image."

opt=$root/opt/sungrow-edge
units=$root/etc/systemd/system
wrapper=$root/usr/local/bin/sungrow-edge
users=$root/etc/sysusers.d/sungrow-edge.conf
settings=$root/etc/sungrow-edge${instance:+/$instance}
state=$root/var/lib/sungrow-edge${instance:+/$instance}
service=sungrow-edge${instance:+@$instance}.service
edge=(sungrow-edge ${instance:+"@$instance"})

temp=$(mktemp -d)
staged=
trap 'rm -rf "$temp" ${staged:+"$staged"}' EXIT

# --- the program

has_runtime() { [ -x "$1" ] && "$1" --list-runtimes 2>/dev/null | grep -q "^Microsoft\.NETCore\.App ${channel%%.*}\."; }
has_sdk() { [ -x "$1" ] && "$1" --list-sdks 2>/dev/null | grep -q "^${channel%%.*}\."; }

# system_dotnet: the system's dotnet, unless it lies in a home, where the service may not look.
system_dotnet() {
  local found
  found=$(readlink -f "$(command -v dotnet || true)") || return 1
  [[ $found != /root/* && $found != /home/* ]] && printf %s "$found"
}

# get_dotnet runtime|sdk: Microsoft's installer, into this installation alone. Raspberry Pi OS has no .NET among its packages.
get_dotnet() {
  local what=$1 arguments=(--channel "$channel" --install-dir "$opt/dotnet" --no-path)
  [ "$what" = sdk ] || arguments+=(--runtime dotnet)
  if [ -z "$root" ] && command -v apt-get >/dev/null; then
    # What .NET needs of the system; openssl stands for its library, whose package has another name in each release.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ca-certificates curl libstdc++6 openssl tzdata >/dev/null \
      || say "apt-get could not install what .NET needs; trying without."
  fi
  say "Getting the .NET $channel $what from Microsoft .."
  curl -fsSL --retry 3 --proto '=https' -o "$temp/dotnet-install.sh" https://dot.net/v1/dotnet-install.sh \
    || die "https://dot.net/v1/dotnet-install.sh cannot be fetched: check the network, or install the .NET $channel $what yourself and try again."
  bash "$temp/dotnet-install.sh" "${arguments[@]}" >"$temp/dotnet-install.log" 2>&1 \
    || { tail -n 20 "$temp/dotnet-install.log" >&2; die "Microsoft's installer failed: install the .NET $channel $what yourself and try again."; }
}

# sdk: prints the dotnet to build with.
sdk() {
  local candidate
  for candidate in "$(command -v dotnet || true)" "$opt/dotnet/dotnet"; do
    if has_sdk "$candidate"; then printf %s "$candidate"; return; fi
  done
  return 1
}

# is_program DIR: what a publish has put there, as one file or portable.
is_program() { [ -f "$1/sungrow-edge" ] || [ -f "$1/sungrow-edge.dll" ]; }

find_program() {
  if [ -n "$from" ]; then
    is_program "$from" || wrong "--from is '$from': allowed is the output folder of 'dotnet publish edge/Sungrow.Edge'."
    return
  fi
  if is_program "$here/.."; then
    from=$here/..
    return
  fi

  local project=$here/../edge/Sungrow.Edge builder
  [ -d "$project" ] || die "there is neither a published program nor its sources: name the first with --from DIR."
  if ! builder=$(sdk); then
    get_dotnet sdk
    builder=$opt/dotnet/dotnet
  fi
  say "Building (some minutes on a Pi) .."
  from=$temp/published
  "$builder" publish "$project" -c Release -p:UseAppHost=false --artifacts-path "$temp/build" -o "$from" --nologo -v quiet >"$temp/build.log" 2>&1 \
    || { tail -n 20 "$temp/build.log" >&2; die "the edge does not build."; }
}

# stage_program: a copy that starts, in a folder of its own, named by its version and content. Nothing that runs has changed so far.
stage_program() {
  local dotnet=
  staged=$(mktemp -d "$opt/versions/.new.XXXXXX")
  cp -r "$from/." "$staged"
  rm -rf "$staged/systemd"
  # Self-contained, it brings its runtime and starts by itself.
  if [ -e "$staged/sungrow-edge.dll" ] && [ ! -e "$staged/libhostpolicy.so" ]; then
    dotnet=$(system_dotnet) && has_runtime "$dotnet" || dotnet=
    [ -n "$dotnet" ] || has_runtime "$opt/dotnet/dotnet" || get_dotnet runtime
    cat >"$staged/sungrow-edge" <<LAUNCHER
#!/bin/sh
# From its own folder, whatever 'current' points to by the time that a file is needed.
here=\$(dirname "\$(readlink -f "\$0")")
exec ${dotnet:-\"\$here/../../dotnet/dotnet\"} "\$here/sungrow-edge.dll" "\$@"
LAUNCHER
  fi
  chmod -R u=rwX,go=rX "$staged"
  chmod 755 "$staged/sungrow-edge"
  [ "$(id -u)" -ne 0 ] || chown -R 0:0 "$staged"

  local version content
  version=$("$staged/sungrow-edge" --version 2>"$temp/start.log") || { cat "$temp/start.log" >&2; die "the program does not start on this machine."; }
  content=$(cd "$staged" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  version=${version%%+*}-${content:0:12}
  program=versions/$version
  if [ -d "$opt/$program" ]; then
    rm -rf "$staged"
  else
    mv -T "$staged" "$opt/$program"
  fi
  staged=
  # On the disk before anything points to it.
  sync -f "$opt"
}

# point NAME TARGET: a symbolic link, switched in one step.
point() {
  ln -sfn "$2" "$opt/.$1.new"
  mv -T "$opt/.$1.new" "$opt/$1"
}

switch_program() {
  local before
  before=$(readlink "$opt/current" || true)
  if [ "$before" = "$program" ]; then
    say "Version ${program#*/} is installed already."
    return
  fi
  [ -z "$before" ] || point previous "$before"
  point current "$program"
  say "Version ${program#*/} is installed${before:+, ${before#*/} is kept for 'rollback'}."
  local old
  for old in "$opt"/versions/*; do
    old=versions/${old##*/}
    [ "$old" = "$program" ] || [ "$old" = "$before" ] || rm -rf "${opt:?}/$old"
  done
}

# --- settings

setting() { sed -n "s/^[[:space:]]*$1=//p" "$settings/edge.env" 2>/dev/null | tail -n 1 | sed "s/^[\"']//; s/[\"'[:space:]]*$//"; }

# set_setting NAME VALUE: in the place of the old value, all other lines as they are.
set_setting() {
  [[ $2 =~ ^[!-~]+$ && $2 != *[\"\'\\]* ]] || wrong "$1 is '$2': allowed is one word of printable ASCII without quotes."
  [ "$(setting "$1")" != "$2" ] || return 0
  { grep -v "^[[:space:]]*$1=" "$settings/edge.env" || true; printf '%s=%s\n' "$1" "$2"; } >"$settings/.edge.env.new"
  chmod 640 "$settings/.edge.env.new"
  mv "$settings/.edge.env.new" "$settings/edge.env"
}

keep_token() {
  local token
  token=$(tr -d '\r\n' | sed 's/^ *//; s/ *$//')
  [[ $token =~ ^[!-~]+$ ]] || wrong "the token is none: allowed is one word of printable ASCII."
  (umask 077 && printf '%s\n' "$token" >"$settings/.token.new")
  mv "$settings/.token.new" "$settings/token"
}

configure() {
  install -d -m 755 "$root/etc/sungrow-edge" "$settings"
  if [ ! -e "$settings/edge.env" ]; then
    cat >"$settings/edge.env" <<'ENV'
# Settings of the Sungrow edge, one NAME=value a line; 'systemctl restart' makes them count, 'sungrow-edge check' tells what is missing.
# Polling__Interval=00:00:10
# Inverter__TimeZone=Europe/Berlin
ENV
    chmod 640 "$settings/edge.env"
  fi
  local value
  if value=${host:-${Inverter__Host-}} && [ -n "$value" ]; then set_setting Inverter__Host "$value"; fi
  if value=${url:-${Uplink__Url-}} && [ -n "$value" ]; then set_setting Uplink__Url "$value"; fi
  if [ -n "$token_file" ]; then
    if [ "$token_file" = - ]; then keep_token; else
      [ -r "$token_file" ] || wrong "--token-file is '$token_file': allowed is a file that can be read."
      keep_token <"$token_file"
    fi
  elif [ -n "${Uplink__Token-}" ]; then
    keep_token <<<"$Uplink__Token"
  fi
}

# ask: what nobody but the owner knows, where he sits before it.
ask() {
  [ -t 0 ] || return 0
  local answer
  if [ -z "$(setting Uplink__Url)" ]; then
    read -r -p 'Address of your VPS (https://..): ' answer
    [ -z "$answer" ] || set_setting Uplink__Url "$answer"
  fi
  if [ ! -e "$settings/token" ]; then
    read -r -s -p 'Token of this device (is not shown): ' answer
    echo
    [ -z "$answer" ] || keep_token <<<"$answer"
  fi
}

# search: looks for the inverter where none is set: port 502 in this machine's network of 254, then who answers as one.
search() {
  [ -z "$(setting Inverter__Host)" ] || return 0
  local address network n candidate found=()
  address=$(ip -4 -o route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
  [ -n "$address" ] || return 0
  network=${address%.*}
  say "Looking for the inverter in $network.0/24 .."
  for n in {1..254}; do
    (timeout 2 bash -c "exec 3<>/dev/tcp/$network.$n/502" 2>/dev/null && echo "$network.$n" >>"$temp/open") &
  done
  wait
  while read -r candidate; do
    if "${edge[@]}" probe --host "$candidate" --json >"$temp/probe" 2>/dev/null; then
      found+=("$candidate")
      say "  $candidate: $(sed -n 's/.*"serial":"\([^"]*\)".*/serial \1/p' "$temp/probe")"
    fi
  done < <(sort -u "$temp/open" 2>/dev/null)
  case ${#found[@]} in
    0) say "  none answers: is Modbus TCP switched on, and the inverter in this network?" ;;
    1) set_setting Inverter__Host "${found[0]}" ;;
    *) say "  choose one with --host; each further one is an --instance of its own." ;;
  esac
}

missing() {
  [ -n "$(setting Inverter__Host)" ] || say "  the inverter's address: install.sh --host ADDRESS"
  [ -n "$(setting Uplink__Url)" ] || say "  the address of your VPS: install.sh --url https://.."
  [ -e "$settings/token" ] || say "  this device's token, which your VPS gives out: install.sh --token-file FILE"
}

# --- the service

# put SOURCE TARGET MODE: only where it differs.
put() { cmp -s "$1" "$2" || install -D -m "$3" "$1" "$2"; }

install_service() {
  put "$here/sungrow-edge.service" "$units/sungrow-edge.service" 644
  put "$here/sungrow-edge@.service" "$units/sungrow-edge@.service" 644
  put "$here/sungrow-edge" "$wrapper" 755
  printf '%s\n' 'u sungrow-edge - "Sungrow edge" /var/lib/sungrow-edge' >"$temp/users"
  put "$temp/users" "$users" 644
  if [ -n "$root" ]; then
    install -d "$state" # systemd makes it the daemon's own at the first start.
    return
  fi
  systemd-sysusers "$users"
  install -d -m 750 -o sungrow-edge -g sungrow-edge "$root/var/lib/sungrow-edge" "$state"
  systemctl daemon-reload
}

# running: the services that are, one a line.
running() { systemctl list-units --plain --no-legend --state=active,activating 'sungrow-edge.service' 'sungrow-edge@*.service' | awk '{ print $1 }'; }

# start_all SERVICE..
start_all() {
  local one
  for one in "$@"; do
    systemctl start --no-block "$one"
    for _ in {1..120}; do
      systemctl is-active --quiet "$one" && break
      sleep 0.5
    done
    systemctl is-active --quiet "$one" || say "$one is not ready yet: see 'systemctl status $one'."
  done
}

install_edge() {
  [ "$(getconf LONG_BIT)" = 64 ] || die "this system is a 32-bit one: install Raspberry Pi OS (64-bit)."
  mkdir -p "$opt/versions"
  chmod 755 "$opt" "$opt/versions"
  exec 9<"$opt/versions"
  flock -n 9 || die "another install.sh is at work."
  find_program
  stage_program
  configure
  install_service
  if [ -n "$root" ]; then
    switch_program
    [ -z "$(missing)" ] || { say "Still missing:"; missing; }
    return
  fi

  # An inverter has one ear: the daemon must not be in the way of probe and check. What it does not read now is a gap of seconds.
  local services
  mapfile -t services < <(running)
  [ ${#services[@]} -eq 0 ] || systemctl stop "${services[@]}"
  switch_program
  search
  ask
  systemctl enable --quiet "$service"
  if [ -n "$(missing)" ]; then
    start_all "${services[@]}"
    say "Still missing:"
    missing
    exit 3
  fi

  local well=0
  "${edge[@]}" probe || well=3
  "${edge[@]}" check || well=3
  start_all "${services[@]}" "$service"
  [ "$well" -eq 0 ] || say "It is installed and runs; what is marked FAIL above is still missing. 'sudo sungrow-edge check' looks again."
  exit "$well"
}

rollback() {
  local services=() now before
  now=$(readlink "$opt/current" || true) before=$(readlink "$opt/previous" || true)
  [[ -n $now && -n $before ]] || die "there is no version before this one."
  [ -n "$root" ] || mapfile -t services < <(running)
  [ ${#services[@]} -eq 0 ] || systemctl stop "${services[@]}"
  point current "$before"
  point previous "$now"
  say "Version ${before#*/} is back; ${now#*/} is kept for another 'rollback'."
  [ -n "$root" ] || start_all "${services[@]}"
}

uninstall() {
  local one
  if [ -z "$root" ]; then
    for one in "$units"/*.wants/sungrow-edge.service "$units"/*.wants/sungrow-edge@*.service $(running); do
      systemctl disable --now --quiet "${one##*/}" 2>/dev/null || true
    done
  fi
  rm -rf "$opt"
  rm -f "$units/sungrow-edge.service" "$units/sungrow-edge@.service" "$wrapper" "$users"
  [ -n "$root" ] || systemctl daemon-reload
  if [ -z "$purge" ]; then
    say "Removed. Settings, token and buffer are kept in $root/etc/sungrow-edge and $root/var/lib/sungrow-edge; 'uninstall --purge' removes them too."
    return
  fi
  rm -rf "$root/etc/sungrow-edge" "$root/var/lib/sungrow-edge"
  if [ -z "$root" ] && id sungrow-edge >/dev/null 2>&1; then userdel sungrow-edge; fi
  say "Removed, with settings, token and buffer. A Buffer__Path elsewhere was left alone."
}

case $command in
  install) install_edge ;;
  *) "$command" ;;
esac
