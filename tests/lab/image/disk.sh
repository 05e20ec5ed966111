#!/usr/bin/env bash
# Puts the tree of the stock host on a disk, laid out like an atomic host that has just been installed:
#
#   sda   10 GiB, MBR
#   ├─sda1  300 MiB, ext4, /boot
#   └─sda2  PV of volume group atomicos, with root (3 GiB, XFS) and the rest free
#
#   disk.sh TREE.tar OUT-DIRECTORY [ARRANGEMENT]
#
# Leaves disk.raw, vmlinuz, initrd, id and id.pub there. ARRANGEMENT is a script that rearranges the files once
# they are on the disk: it is called with the mounted root and OUT-DIRECTORY. Needs root and one free loop device, but no
# device-mapper: the volume group is written while nothing is activated, and the root volume is reached by a
# loop device at its offset.
set -euo pipefail

tree=$1
out=$2
arrangement=${3:-}
disk=$out/disk.raw

readonly mib=$((1024 * 1024))
readonly boot_start=$((1 * mib)) boot_size=$((300 * mib))
readonly pv_start=$((boot_start + boot_size))
readonly pv_size=$((10 * 1024 * mib - pv_start))
readonly root_size=$((3 * 1024 * mib))
# Where LVM puts the first extent, and so where the first volume begins.
readonly data_offset=$((1 * mib))

work=$(mktemp -d)
messages=$(mktemp)
loop=
cleanup() {
    umount "$work" 2>/dev/null || true
    [ -z "$loop" ] || losetup -d "$loop" 2>/dev/null || true
    rmdir "$work" 2>/dev/null || true
    rm -f "$messages"
}
trap cleanup EXIT

attach() {
    loop=$(losetup --find --show --offset "$1" --sizelimit "$2" "$disk")
}

detach() {
    losetup -d "$loop"
    loop=
}

lvm_offline() {
    LVM_SUPPRESS_FD_WARNINGS=1 lvm "$1" --config "global{activation=0} backup{backup=0 archive=0} \
        devices{use_devicesfile=0 filter=[\"a|^$loop\$|\",\"r|.*|\"]}" --driverloaded n -qq "${@:2}" >/dev/null 2>"$messages" || { cat "$messages" >&2; return 1; }
}

truncate -s 10G "$disk"
sfdisk --quiet "$disk" <<END
label: dos
start=$((boot_start / 512)), size=$((boot_size / 512)), type=83, bootable
start=$((pv_start / 512)), type=8e
END

attach "$pv_start" "$pv_size"
lvm_offline pvcreate -y "$loop"
lvm_offline vgcreate -y atomicos "$loop"
lvm_offline lvcreate -y -an -Zn -Wn -n root -L 3G atomicos
detach

attach "$((pv_start + data_offset))" "$root_size"
mkfs.xfs -q -f "$loop"
mount -t xfs "$loop" "$work"
tar -x --numeric-owner --xattrs --xattrs-include='*' -f "$tree" -C "$work"

boot_uuid=$(cat /proc/sys/kernel/random/uuid)
cat >"$work/etc/fstab" <<END
#
# /etc/fstab
# Created by anaconda
#
/dev/mapper/atomicos-root /                       xfs     defaults        0 0
UUID=$boot_uuid /boot                   ext4    defaults        1 2
END

ssh-keygen -q -t ed25519 -N '' -C lab -f "$out/id"
seed=$work/var/lib/cloud/seed/nocloud
mkdir -p "$seed"
printf 'instance-id: atomic-1\nlocal-hostname: atomic\n' >"$seed/meta-data"
# No network-config: cloud-init then asks the first card's network by DHCP.
cat >"$seed/user-data" <<END
#cloud-config
disable_root: false
ssh_pwauth: false
ssh_genkeytypes: [ed25519]
users:
  - name: root
    ssh_authorized_keys:
      - $(cat "$out/id.pub")
END
chmod 600 "$seed/user-data"

cp "$work"/boot/vmlinuz-* "$out/vmlinuz"
cp "$work"/boot/initrd.img-* "$out/initrd"
[ -z "$arrangement" ] || bash "$arrangement" "$work" "$out"
# mke2fs copies a tree by itself, which saves a loop device and a mount; but it will not write into a file
# that a mounted loop device belongs to, so it gets one of its own.
mke2fs -q -F -t ext4 -U "$boot_uuid" -d "$work/boot" \
    "$out/boot.raw" "$((boot_size / 1024))k" >/dev/null
dd if="$out/boot.raw" of="$disk" bs=1M seek="$((boot_start / mib))" conv=notrunc,sparse status=none
rm -f "$out/boot.raw"
rm -rf "${work:?}"/boot/*
umount "$work"
detach
