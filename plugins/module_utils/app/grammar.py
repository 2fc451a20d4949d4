# SPDX-License-Identifier: GPL-3.0-or-later
"""The words an app file may hold: for each kind its pattern, its help, and a parser.

Every parser returns the text it accepts and raises ValueError with what is expected. Patterns match whole
texts and are allow-lists, for these words end in commands, labels and router configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# A name becomes a DNS label, NAME.<platform domain>, and those do not end in a hyphen.
NAME = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"
NAME_HELP = "1 to 40 characters of a-z, 0-9 and -, beginning with a letter, not ending in -"

VERSION = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
VERSION_HELP = "an image tag such as 1.0.0: letters, digits, _ . - and at most 128 of them"

CONTEXT = r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
CONTEXT_HELP = "a directory beside this file, such as shop, with no .. in its path"

INSIDE_HELP = "a path inside the context, with no .. in it"

# A package is a file beside the app file, or a URL. Neither may hold a password: both stand in messages.
PACKAGE = (
    r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._+-]*(?:/[A-Za-z0-9_][A-Za-z0-9._+-]*)*"
    r"|https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%+@=,:-]*)+"
)
PACKAGE_HELP = "a file beside this file, such as shop-1.2.tar.gz, or an http(s):// URL of one"

SHA256 = r"[0-9a-f]{64}"
SHA256_HELP = "the 64 hexadecimal digits that sha256sum prints"

RUNTIME = rf"[a-z]+(?::{VERSION})?"

_GIT_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_GIT_PATH = r"[A-Za-z0-9._~/+@-]+"
GIT_URL = (
    rf"https://{_GIT_HOST}(?::[0-9]{{1,5}})?/{_GIT_PATH}"
    rf"|ssh://(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?{_GIT_HOST}(?::[0-9]{{1,5}})?/{_GIT_PATH}"
    rf"|[A-Za-z0-9_][A-Za-z0-9_.-]*@{_GIT_HOST}:(?!-){_GIT_PATH}"
)
GIT_URL_HELP = "https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH, without a password"

GIT_REF = r"(?!.*(?:\.\.|//|\.lock$|\.$|/$))[A-Za-z0-9_][A-Za-z0-9._/+-]*"
GIT_REF_HELP = "a branch, a tag or a whole commit"

STAGE = r"[a-z0-9][a-z0-9_.-]*"
STAGE_HELP = "the name of a stage, FROM … AS NAME: a-z, 0-9 and _ . -, or its number"

ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
ENV_NAME_HELP = "letters, digits and _, not beginning with a digit"

HTTP_PATH = r"/(?:[A-Za-z0-9/._~=&?+,:@-]|%[0-9A-Fa-f]{2})*"
HTTP_PATH_HELP = "a path such as /_ping: at most 200 of letters, digits and / . _ ~ - = & ? + , : @ %41"

# Where something is mounted from and to. No part begins with a dot, so none leads upwards.
_FOLDER = r"[A-Za-z0-9_][A-Za-z0-9._+@-]*"
FOLDER = rf"(?:/{_FOLDER})+"
FOLDER_HELP = (
    "an absolute path such as /var/lib/data: letters, digits and _ . + @ - between its slashes, no .."
)

# Whom a process stands with, or apart from.
PEER = rf"{NAME}(?:/{NAME})?"
PEER_HELP = "an app such as cache, or one of its processes such as cache/web"
EVERY_OTHER = "*"
OTHERS = rf"(?:\{EVERY_OTHER}|{PEER})"
OTHERS_HELP = f'{PEER_HELP}, or "{EVERY_OTHER}" for every other app'

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
IMAGE = rf"(?:{_HOST}(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*(?::{VERSION}|@sha256:[0-9a-f]{{64}})?"
EXPORT = rf"{_HOST}:{FOLDER}"
EXPORT_HELP = "HOST:/PATH, such as 10.0.0.5:/export/media"

IMAGE_HELP = "NAME, NAME:TAG or NAME@sha256:DIGEST"


def _parser(pattern: str, help_: str, longest: int) -> Callable[[str], str]:
    whole = re.compile(pattern, re.ASCII)

    def parse(text: str) -> str:
        if len(text) > longest or not whole.fullmatch(text):
            raise ValueError(help_)
        return text

    return parse


parse_name = _parser(NAME, NAME_HELP, 40)
parse_version = _parser(VERSION, VERSION_HELP, 128)
parse_context = _parser(CONTEXT, CONTEXT_HELP, 200)
parse_inside = _parser(CONTEXT, INSIDE_HELP, 200)
parse_package = _parser(PACKAGE, PACKAGE_HELP, 500)
parse_sha256 = _parser(SHA256, SHA256_HELP, 64)
parse_git_url = _parser(GIT_URL, GIT_URL_HELP, 500)
parse_git_ref = _parser(GIT_REF, GIT_REF_HELP, 200)
parse_stage = _parser(STAGE, STAGE_HELP, 100)
parse_env_name = _parser(ENV_NAME, ENV_NAME_HELP, 200)
parse_http_path = _parser(HTTP_PATH, HTTP_PATH_HELP, 200)
parse_folder = _parser(FOLDER, FOLDER_HELP, 200)
parse_export = _parser(EXPORT, EXPORT_HELP, 255)
parse_peer = _parser(PEER, PEER_HELP, 81)
parse_others = _parser(OTHERS, OTHERS_HELP, 81)
parse_image = _parser(IMAGE, IMAGE_HELP, 255)
