#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes requirements.lock from requirements.in, for every platform and every Python from 3.11 on.
# uv is not needed otherwise: it lives in an environment that is thrown away.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
.venv/bin/python -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install uv
"$work/venv/bin/uv" pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links --no-cache --output-file "$work/requirements.lock" requirements.in
mv "$work/requirements.lock" requirements.lock
echo "requirements.lock: $(grep -c == requirements.lock) packages; run make test-fast to use them"
