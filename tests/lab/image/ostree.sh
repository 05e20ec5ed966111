#!/usr/bin/env bash
# Makes a host that OSTree deploys of the files of a stock host, in the way of the older atomic hosts: /usr is
# read-only, the root that was is at /sysroot, /etc is a writable copy, and /var alone is kept over updates.
#
#   ostree.sh ROOT OUT-DIRECTORY
#
# Leaves `arguments` there, which the kernel needs to find the deployment. Needs root, and ostree.
set -euo pipefail

root=$1
out=$2
tree=$root/.tree
os=debian

mkdir "$tree"
find "$root" -mindepth 1 -maxdepth 1 ! -name .tree -exec mv -t "$tree" {} +

# These are filled at boot, and OSTree takes no device nodes.
find "$tree"/{dev,proc,run,sys} -mindepth 1 -delete

# What OSTree wants of a tree: the defaults of /etc in /usr/etc, the kernel beside its modules, nothing in /var,
# and links into /var in place of all else that changes.
mv "$tree/etc" "$tree/usr/etc"
modules=$(echo "$tree"/usr/lib/modules/*)
mv "$tree"/boot/vmlinuz-* "$modules/vmlinuz"
mv "$tree"/boot/initrd.img-* "$modules/initramfs.img"
rm -rf "$tree"/boot/* "$tree"/vmlinuz* "$tree"/initrd.img*
mv "$tree/var" "$root/.var"
mkdir "$tree/var" "$tree/sysroot"
ln -s sysroot/ostree "$tree/ostree"
for move in home:home root:roothome opt:opt mnt:mnt usr/local:usrlocal; do
    from=${move%:*} to=${move#*:}
    mv "$tree/$from" "$root/.var/$to"
    ln -s "$([ "$from" = usr/local ] && echo ../)var/$to" "$tree/$from"
done
rm -rf "$tree/media" "$tree/tmp"
ln -s run/media "$tree/media"
ln -s sysroot/tmp "$tree/tmp"

ostree admin init-fs "$root"
ostree admin --sysroot="$root" os-init "$os" >/dev/null
ostree --repo="$root/ostree/repo" commit --branch=lab --consume "$tree" >/dev/null
# Booted directly, without a boot loader of its own.
ostree --repo="$root/ostree/repo" config set sysroot.bootloader none
ostree admin --sysroot="$root" deploy --os="$os" lab >/dev/null
cp -a "$root/.var/." "$root/ostree/deploy/$os/var/"
rm -rf "$root/.var" "$tree"
sed -n 's/^options //p' "$root"/boot/loader/entries/*.conf >"$out/arguments"
grep -q 'ostree=/ostree/boot' "$out/arguments"
