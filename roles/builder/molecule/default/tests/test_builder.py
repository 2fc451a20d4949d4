# SPDX-License-Identifier: GPL-3.0-or-later
"""What the builder promises beside its images, which `converge` looks at: a key, and no account left."""

from __future__ import annotations

from testinfra.host import Host


def test_its_key_is_root_s_alone_and_nodes_are_told_the_other_half(host: Host) -> None:
    with host.sudo():
        folder, key = host.file("/etc/fairlead/signing"), host.file("/etc/fairlead/signing/key")
        assert (folder.user, folder.mode, key.user, key.mode) == ("root", 0o700, "root", 0o600)
        public = host.file("/etc/fairlead/signing/key.pub").content_string.strip()
    assert public.startswith("ssh-ed25519 ")
    assert public.endswith(f" fairlead builder {host.backend.hostname}")
    signers = host.file("/etc/fairlead/signers")
    assert (signers.user, signers.mode) == ("root", 0o644)
    said, *trusted = signers.content_string.splitlines()
    assert said.startswith("# ")
    assert len(trusted) == 2
    assert f'fairlead namespaces="fairlead-image" {public}' in trusted


def test_no_account_is_left_on_the_machine(host: Host) -> None:
    with host.sudo():
        assert host.run("grep -rlE 'push-of-the-test|auths' /root /etc/docker /var/tmp /home").stdout == ""
