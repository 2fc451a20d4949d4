#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes each requirements.lock from the requirements.in beside it, for every platform and every Python from 3.11 on.
# uv is not needed otherwise: it lives in an environment that is thrown away.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
.venv/bin/python -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install uv

# lock FOLDER: FOLDER/requirements.lock from FOLDER/requirements.in
lock() {
  "$work/venv/bin/uv" pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-cache \
    --output-file "$work/requirements.lock" "$1/requirements.in"
  mv "$work/requirements.lock" "$1/requirements.lock"
  echo "$1/requirements.lock: $(grep -c == "$1/requirements.lock") packages"
}

lock .
lock tests/bench
echo "run make test-fast to use them"
