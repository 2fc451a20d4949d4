# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shop says of itself, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from string import Template

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$app $release</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto; padding: 0 1rem; }
  h1 { font-size: 2.4rem; margin-bottom: 0.2em; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: 0.2em 1.5em; }
  dt { opacity: 0.65; }
  dd { margin: 0; font-family: ui-monospace, monospace; }
</style>
</head>
<body>
<h1>$greeting</h1>
<p>This is $app. Reload the page, and another instance may answer.</p>
<dl>
$rows
</dl>
</body>
</html>
""")


def as_json(facts: Mapping[str, object]) -> str:
    """Return the facts as one line of JSON."""
    return json.dumps(facts) + "\n"


def as_page(facts: Mapping[str, object]) -> str:
    """Return the facts as a page; whatever they hold, it is text and no markup."""
    rows = "\n".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts.items())
    words = {name: _text(value) for name, value in facts.items()}
    return _PAGE.substitute(words, rows=rows)


def _text(value: object) -> str:
    return escape(str(value), quote=True)
