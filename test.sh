#!/usr/bin/env bash
# Installs what the tests need, builds, checks the format, runs every test, and closes with 'N passed, N failed, N skipped'.
# Fails on a failed test, and when fewer tests passed than tests/floor says: a suite that silently shrinks is no green one.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/debian.sh

need_sdk
need_node
need_packages postgresql redis-server caddy chromium docker-compose systemd python3-pymodbus python3-serial-asyncio strace faketime shellcheck

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

dotnet build Sungrow.sln --nologo --verbosity quiet
dotnet format Sungrow.sln --verify-no-changes --no-restore

# One project at a time: each starts servers of its own, and a small machine is not to be the reason of a failure.
status=0
CI=true dotnet test Sungrow.sln --no-build --nologo --verbosity quiet -maxcpucount:1 \
  --logger 'console;verbosity=minimal' --logger trx --results-directory "$results" || status=$?

# count NAME: the sum of an attribute over the result files' counters.
count() {
  grep -oh "<Counters [^>]*>" "$results"/*.trx | grep -o " $1=\"[0-9]*\"" | tr -dc '0-9\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

total=$(count total) passed=$(count passed) failed=$(count failed)
skipped=$((total - passed - failed))
floor=$(cat tests/floor)

grep -oh '<UnitTestResult [^>]*outcome="NotExecuted"[^>]*>' "$results"/*.trx | grep -o 'testName="[^"]*"' | sed 's/testName=/skipped: /' || true
if [ "$passed" -lt "$floor" ]; then
  say "Only $passed tests passed; tests/floor asks for $floor."
  status=1
fi
[ "$failed" -eq 0 ] || status=1

echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
