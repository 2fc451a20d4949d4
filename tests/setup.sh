#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/setup.sh venv        the virtual environment .venv, from requirements.lock, with .venv/bin/fairlead
# tests/setup.sh lab         and what `make demo` needs of Debian
# tests/setup.sh all         and what `make test` needs of Debian
# Installs only what is missing; what is there is used as it is.
set -eu
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1

# need PACKAGE COMMAND…: PACKAGE is missing where one of the commands is.
MISSING=
need() {
  package=$1
  shift
  for command; do
    command -v "$command" > /dev/null || { MISSING="$MISSING $package"; return; }
  done
}

# The first Python that is new enough and can make a virtual environment.
python() {
  for candidate in python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
      && { [ "${1-}" = any ] || "$candidate" -c 'import ensurepip' 2> /dev/null; }; then
      echo "$candidate"
      return
    fi
  done
}

PATH=$PATH:/usr/sbin:/sbin
case "${1-venv}" in
  venv) ;;
  lab | all)
    need openssh-client ssh ssh-keygen
    need docker.io docker
    if [ "$(uname -s)" = Linux ]; then
      need mmdebstrap mmdebstrap
      [ -d /run/systemd/system ] || mountpoint -q /sys/fs/cgroup || need cgroupfs-mount cgroupfs-mount
      if [ "$(id -u)" = 0 ] && ! docker info > /dev/null 2>&1; then
        need docker.io dockerd
        need iptables iptables
      fi
    fi
    if [ "$1" = all ]; then
      need haproxy haproxy
      need openssl openssl
      need docker-registry docker-registry
      need busybox-static busybox
      # What the tests make artefacts with, as people have them.
      need default-jdk-headless javac jar
      need gcc gcc
      need git git
      need zstd zstd
      [ -e /usr/include/stdio.h ] || MISSING="$MISSING libc6-dev"
      need postgresql /usr/lib/postgresql/*/bin/initdb
    fi
    ;;
  *)
    echo "usage: $0 venv|lab|all" >&2
    exit 2
    ;;
esac
RUNNER=$(python any)
[ -n "$RUNNER" ] || { echo "Fairlead needs python3, 3.11 or newer." >&2; exit 1; }
[ -n "$(python)" ] || [ -x .venv/bin/python ] || MISSING="$MISSING python3-venv"

quietly() { "$RUNNER" -m tests.lab.run "$@"; }

# Tests start these programs themselves. Debian's services of them would take ports 80 and 5000, now and after
# each boot; one that is masked before its package comes never starts, wherever this script is killed.
mask_services() {
  for service in haproxy docker-registry; do
    case "$MISSING " in
      *" $service "*) systemctl --quiet mask "$service.service" ;;
    esac
  done
}

# With PostgreSQL's package a database is made and started, unless this says that none is wanted.
NO_DATABASE=/etc/postgresql-common/createcluster.d/fairlead.conf
refuse_database() {
  case "$MISSING " in
    *" postgresql "*)
      mkdir -p "${NO_DATABASE%/*}"
      echo "create_main_cluster = false" > "$NO_DATABASE"
      trap 'rm -f "$NO_DATABASE"' EXIT
      ;;
  esac
}

# shellcheck disable=SC2086 # a list of words
install_packages() {
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    [ ! -d /run/systemd/system ] || mask_services
    refuse_database
    quietly "refreshing the package lists" apt-get -o DPkg::Lock::Timeout=300 --quiet update
    quietly "installing$MISSING" apt-get -o DPkg::Lock::Timeout=300 --quiet --yes \
      --no-install-recommends install $MISSING
  else
    echo "Missing here, by their names in Debian:$MISSING" >&2
    echo "Install them, or on Debian run this as root." >&2
    exit 1
  fi
}

# Rebuilt when, and only when, the lock or the Python changes; a half-made one has no stamp.
make_venv() {
  stamp="$(cksum < requirements.lock) $(.venv/bin/python -V 2> /dev/null || true)"
  [ "$(cat .venv/fairlead-stamp 2> /dev/null || true)" != "$stamp" ] || return 0
  rm -rf .venv
  quietly "making .venv" "$(python)" -m venv .venv
  quietly "installing what requirements.lock names" .venv/bin/python -m pip --quiet --no-input \
    --disable-pip-version-check install --require-hashes --requirement requirements.lock
  echo "$(cksum < requirements.lock) $(.venv/bin/python -V)" > .venv/fairlead-stamp
}

# The command, which runs the checkout that .venv stands in: no package, so nothing is built or downloaded for it.
make_command() {
  cmp -s fairlead/fairlead.sh .venv/bin/fairlead || install -m 755 fairlead/fairlead.sh .venv/bin/fairlead
}

[ -z "$MISSING" ] || install_packages
make_venv
make_command
