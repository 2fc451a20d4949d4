#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The command, as tests/setup.sh puts it into .venv/bin: it runs the checkout that this environment stands in.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
# Called by a link elsewhere: then by what the link leads to.
[ -d "$root/fairlead" ] || root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
main='import sys; sys.path.insert(0, sys.argv.pop(1)); from fairlead.cli import main; sys.exit(main())'
exec "$root/.venv/bin/python" -P -c "$main" "$root" "$@"
