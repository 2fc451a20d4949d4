#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a bare Debian root into a lab machine. Run inside that root, by mmdebstrap or by the Dockerfile.
# What it installs is what a freshly installed server has. What site.yml installs is only downloaded here, so
# that many machines need not download it many times.
set -eu
export DEBIAN_FRONTEND=noninteractive

SERVER="systemd systemd-sysv dbus openssh-server sudo python3 python3-apt iproute2 procps kmod ca-certificates"
PLATFORM="docker.io python3-docker haproxy docker-registry mmdebstrap apache2-utils python3-bcrypt \
python3-cryptography python3-passlib python3-psycopg2 openssl socat sqlite3"

# Keep downloads and package lists: container images of Debian throw both away.
rm -f /etc/apt/apt.conf.d/docker-clean /etc/apt/apt.conf.d/docker-no-languages /etc/apt/apt.conf.d/docker-gzip-indexes
cat > /etc/apt/apt.conf.d/90lab <<'END'
Acquire::GzipIndexes "true";
Acquire::Languages "none";
APT::Keep-Downloaded-Packages "true";
END

# A lab machine is thrown away, not rescued: no need to wait for the disk after each file.
echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/lab

# Nothing is started while there is no init.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d

apt-get --quiet update
# shellcheck disable=SC2086 # lists of words
apt-get --quiet --yes --no-install-recommends install $SERVER
# shellcheck disable=SC2086
apt-get --quiet --yes --download-only install $PLATFORM \
  $(apt-cache pkgnames docker- | grep -x -e docker-cli -e docker-buildx || true)
apt-get --quiet autoclean
rm /usr/sbin/policy-rc.d

useradd --gid operator --create-home --shell /bin/bash operator
echo 'operator ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/operator
chmod 0440 /etc/sudoers.d/operator

# Every machine makes its own identity at its first start.
rm -f /etc/ssh/ssh_host_*
: > /etc/machine-id
mkdir -p /etc/systemd/system/ssh.service.d
cat > /etc/systemd/system/ssh.service.d/hostkey.conf <<'END'
[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'test -s /etc/ssh/ssh_host_ed25519_key || ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key'
ExecStartPre=/usr/sbin/sshd -t
END

# A container has no console and no kernel of its own, and must leave the host's alone.
for unit in systemd-modules-load.service systemd-sysctl.service getty.target console-getty.service \
  dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount apt-daily.timer apt-daily-upgrade.timer; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
