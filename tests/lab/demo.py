# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``make demo`` does: a fleet on this machine, the sample app on it, and what there is to see.

May be run again after being killed anywhere: every part of it converges.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Sequence
from dataclasses import astuple

from fairlead.table import table

from . import fleet
from .page import lines
from .paths import ROOT
from .placement import APP, Row, placement
from .progress import LabError, say, stream

HOST = f"{APP}.apps.localhost"
WAY_IN = ("127.0.0.1", 8080)
NEXT = f"""Try next, from {ROOT}:

  .venv/bin/ansible-playbook deploy.yml -e app={APP}
      the same deploy again: it finds nothing to do, changed=0 everywhere

  .venv/bin/ansible n1 -b -m shell -a 'docker kill $(docker ps -q)'
      break something: kill every instance on one node

  .venv/bin/ansible-playbook deploy.yml -e app={APP} --check --diff
      see the plan that mends it; without --check it is done

`make demo-down` removes the fleet and every trace of it.
"""


def main() -> int:
    """Bring all up and show it; return the exit code."""
    try:
        _bring_up()
        rows = placement()
        answer = fetch()
    except LabError as error:
        say(f"demo: {error}")
        return 1
    except KeyboardInterrupt:
        say("demo: interrupted; `make demo` goes on from here, `make demo-down` removes all")
        return 130
    _show(rows, answer)
    return 0


def fetch() -> str:
    """Return what the app answers through the router.

    Raises:
        LabError: it does not answer, or not with 200.
    """
    connection = http.client.HTTPConnection(*WAY_IN, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": f"{HOST}:{WAY_IN[1]}"})
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except OSError as error:
        raise LabError(f"nothing answers at {WAY_IN[0]}:{WAY_IN[1]}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise LabError(f"http://{HOST}:{WAY_IN[1]}/ answers {answer.status}: {body[:200]}")
    return body


def _bring_up() -> None:
    say("=== the fleet: six machines as containers")
    fleet.up()
    say("=== site.yml: from bare machines to a platform")
    _playbook("setting up the machines", "playbooks/site.yml")
    say(f"=== deploy.yml -e app={APP}: build, place, start, route")
    _playbook("deploying", "deploy.yml", "-e", f"app={APP}")


def _playbook(text: str, *arguments: str) -> None:
    colour = {"ANSIBLE_FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    program = str(ROOT / ".venv" / "bin" / "ansible-playbook")
    os.chdir(ROOT)
    stream(
        [program, *arguments],
        text,
        {**colour, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PYTHONUNBUFFERED": "1"},
    )


def _show(rows: Sequence[Row], answer: str) -> None:
    heads = ("instance", "node", "its labels", "release", "address", "status")
    parts = [
        "",
        f"Where {APP} runs:",
        "",
        table(heads, [astuple(row) for row in rows]),
        "",
        f"Open  http://{HOST}:{WAY_IN[1]}/  in a browser. It answers, through router r1:",
        "",
        *(f"  | {line}" for line in lines(answer)),
        "",
        NEXT,
    ]
    print("\n".join(parts), flush=True)  # noqa: T201 - the end of the demo
    say("done")


if __name__ == "__main__":
    sys.exit(main())
