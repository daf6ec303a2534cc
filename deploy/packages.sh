#!/usr/bin/env bash
# packages.sh PROGRAM=PACKAGE ...: Debian packages whose program is not there, for the tests.
# Without apt or root it says what to install, and the tests that need it are skipped (in CI: fail).
set -euo pipefail

missing=()
for pair in "$@"; do
  command -v "${pair%%=*}" > /dev/null || missing+=("${pair#*=}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "for all tests, install: ${missing[*]}" >&2
  exit 0
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > /dev/null 2>&1 \
  || echo "could not install ${missing[*]}" >&2
