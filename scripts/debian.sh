# Sourced by demo.sh and test.sh: what they need of the machine. Nothing is assumed but Debian (or a relative), root or sudo, and the .NET SDK.

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$(basename "$0"): $*"
  exit 1
}

# need_sdk: the .NET SDK is the one thing that is not installed for you.
need_sdk() {
  command -v dotnet >/dev/null || die "the .NET 10 SDK is missing (command 'dotnet'): see https://dotnet.microsoft.com/download"
  dotnet --version >/dev/null 2>&1 || die "the installed .NET SDK is older than global.json asks for: install .NET 10"
}

# need_packages PACKAGE..: installs those of Debian's packages that are missing.
need_packages() {
  local missing=() as=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  command -v apt-get >/dev/null || die "missing, and there is no apt-get to install it: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: ${missing[*]} (install as root: apt-get install ${missing[*]})"
    as=(sudo)
  fi
  say "Installing ${missing[*]} .."
  { "${as[@]}" apt-get update -qq && "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null \
    || die "could not install: ${missing[*]}"
}

# need_node: builds the dashboard. Any Node with npm on the PATH will do from version 18 on.
need_node() {
  command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
}

# postgres_bin: the folder of the newest PostgreSQL's programs; Debian keeps them off the PATH.
postgres_bin() {
  printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1
}

# free_port FROM: the first port from FROM on that nobody listens on.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}
