#!/usr/bin/env bash
# Makes the file tree of the stock host: Debian dressed as the atomic hosts that atomhost serves.
#
#   tree.sh SUITE OUT.tar
#
# Needs root. Knows nothing of disks: disk.sh puts the tree on one.
set -euo pipefail

packages=(
    # The host itself
    systemd systemd-sysv dbus libpam-systemd udev kmod iproute2 procps login passwd
    linux-image-cloud-amd64 initramfs-tools cloud-init openssh-server cron locales
    # What atomhost calls
    lvm2 thin-provisioning-tools dmeventd dmsetup xfsprogs e2fsprogs util-linux mount fdisk
    nfs-common ca-certificates curl
    # Of use only to the host whose root OSTree deploys
    ostree ostree-boot
    # What the cases need to make disks that must be refused, and to look at the outcome
    gdisk parted dosfstools btrfs-progs ntfs-3g cryptsetup-bin mdadm nfs-kernel-server
    libpam-modules pamtester strace
)

# A short list of modules rather than "most" keeps the initrd small: without KVM, unpacking it is a
# good part of a boot. These files come before the kernel package so that its initrd is made once.
before_packages() {
    mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
    echo MODULES=list >"$1/etc/initramfs-tools/conf.d/atomhost-lab"
    printf '%s\n' virtio_pci virtio_scsi virtio_net sd_mod xfs ext4 crc32c_generic dm_mod \
        >"$1/usr/share/initramfs-tools/modules.d/atomhost-lab"
    ostree_initrd "$1/etc/initramfs-tools"
}

# Debian's OSTree knows dracut only. Where the kernel's arguments name a deployment, it takes the place of
# the root that was mounted; elsewhere nothing happens.
ostree_initrd() {
    mkdir -p "$1/hooks" "$1/scripts/local-bottom"
    cat >"$1/hooks/ostree" <<'END'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
copy_exec /usr/lib/ostree/ostree-prepare-root /sbin
END
    cat >"$1/scripts/local-bottom/ostree" <<'END'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
case " $(cat /proc/cmdline)" in
    *' ostree='*) /sbin/ostree-prepare-root "$rootmnt" ;;
esac
END
    chmod 755 "$1/hooks/ostree" "$1/scripts/local-bottom/ostree"
}

after_packages() {
    local root=$1
    echo atomic >"$root/etc/hostname"
    printf '127.0.0.1\tlocalhost\n127.0.1.1\tatomic\n' >"$root/etc/hosts"
    printf 'en_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n' >"$root/etc/locale.gen"
    chroot "$root" locale-gen >/dev/null

    # Atomic hosts keep changeable data under /var and leave links at the old places.
    mkdir -p "$root/var/srv"
    rmdir "$root/srv"
    ln -s var/srv "$root/srv"

    chroot "$root" systemctl --quiet enable systemd-networkd
    # Timers would fire in the middle of a case, because its clock jumps ahead after the snapshot.
    chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
        e2scrub_all.timer fstrim.timer systemd-tmpfiles-clean.timer mdmonitor-oneshot.timer \
        mdcheck_start.timer mdcheck_continue.timer
    # Installed for the cases that start them, of no use to the others, and slow to boot.
    chroot "$root" systemctl --quiet disable nfs-server.service nfs-client.target rpcbind.service rpcbind.socket
    [ ! -x "$root/usr/sbin/dockerd" ] \
        || chroot "$root" systemctl --quiet disable docker.service docker.socket containerd.service
    chroot "$root" systemctl --quiet mask e2scrub_reap.service nfs-blkmap.service \
        systemd-binfmt.service proc-sys-fs-binfmt_misc.automount

    printf '%s\n' 'datasource_list: [NoCloud, None]' 'apt: {preserve_sources_list: true}' 'locale: false' \
        >"$root/etc/cloud/cloud.cfg.d/90_atomhost_lab.cfg"
    # Keeps root's user manager: otherwise every login would start it, which takes seconds without KVM.
    mkdir -p "$root/var/lib/systemd/linger"
    touch "$root/var/lib/systemd/linger/root"
    rm -f "$root"/etc/ssh/ssh_host_*
    : >"$root/etc/machine-id"
}

if [ "${1:-}" = --before ]; then
    before_packages "$2"
    exit
elif [ "${1:-}" = --after ]; then
    after_packages "$2"
    exit
fi

suite=$1
out=$2
# The last release whose engine keeps its images in a thin pool: Docker 25 has dropped that.
[ "$suite" != bookworm ] || packages+=(docker.io busybox-static)
self=$(readlink -f "$0")

# The mirror is the one this machine installs from; elsewhere than on Debian, mmdebstrap's own default.
mirrors=()
while read -r uri label codename; do
    case $label:$codename in
        Debian-Security:*) mirrors+=("deb $uri $suite-security main") ;;
        Debian:*-*) ;;
        Debian:*) mirrors+=("deb $uri $suite main") ;;
    esac
done < <(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI) $(LABEL) $(CODENAME)' \
    'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian main //p' | sort -u)

mmdebstrap --quiet --variant=minbase --mode=root --format=tar \
    --include="$(IFS=,; echo "${packages[*]}")" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*/*' \
    --dpkgopt=force-unsafe-io --aptopt='Acquire::Languages "none"' \
    --essential-hook="bash '$self' --before \"\$1\"" \
    --customize-hook="bash '$self' --after \"\$1\"" \
    "$suite" "$out" "${mirrors[@]}" </dev/null
