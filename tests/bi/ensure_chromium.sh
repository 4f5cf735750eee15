#!/usr/bin/env bash
# Prints the path of a Chromium; installs Debian's where it is missing and we may (root, apt-get).
# Exits 1, and says how to get one, where there is none and none can be installed.
set -euo pipefail
find_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null 2>&1; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}
find_browser && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } >&2 || true
    find_browser && exit 0
fi
echo "no Chromium found: install one (Debian: apt-get install chromium) for the browser tests" >&2
exit 1
