//! Disks that are not there, or must not be taken.

use super::Explanation;

pub const MISSING: Explanation = Explanation {
    title: "A disk that the profile names is not there",
    means: "No device of this host has the path, serial or link that the profile names, or no blank disk has the size that it asks for.",
    why: "A volume group without one of its disks would be too small for its volumes, and the next disk that happens to be there may be somebody's. This is the one refusal that waiting may end, so the exit code is 75 and not 3.",
    look: &[
        "lsblk -o NAME,SIZE,SERIAL,TYPE,FSTYPE",
        "ls -l /dev/disk/by-id /dev/disk/by-path",
        "journalctl -k | grep -i -e sd -e nvme -e virtio",
    ],
    cure: &[
        "Attach the disk. One that comes late is waited for with --wait-disks 60s, as the unit at boot does.",
        "Correct the serial or path in the profile. Kernel names such as /dev/sdb change between boots, serials do not.",
        "A virtual machine without serials needs them turned on (VMware: disk.EnableUUID), or name the disk by by-path.",
    ],
};

pub const HAS_SIGNATURE: Explanation = Explanation {
    title: "There is something on the disk",
    means: "The disk, or a partition of it, carries a signature: a file system, a partition table, an LVM, RAID or LUKS header, at its start or at its end.",
    why: "A signature is data until a person says that it is not. Nothing is ever overwritten because it looks old or empty.",
    look: &["wipefs DISK", "lsblk -f DISK", "mount -o ro PARTITION /mnt"],
    cure: &[
        "Name another disk: is this the one that was meant? Names such as /dev/sdb may mean another disk at each boot.",
        "If nothing on it is wanted, set wipe: true for this one disk in the profile. The plan then shows what is erased, and what is in use is refused even so.",
    ],
};

pub const HAS_DATA: Explanation = Explanation {
    title: "There is data on the disk, although no signature",
    means: "No tool knows what is on the disk, but it does not read as zeroes: not at its start, not at its end, or not in a sample of what lies between.",
    why: "A lost partition table, or signatures that wipefs or pvremove took away, leave the data where it was. It can still be rescued until somebody writes over it.",
    look: &["hexdump -C -s OFFSET -n 512 DISK", "wipefs DISK", "pvs --all DISK"],
    cure: &[
        "Name another disk: is this the one that was meant? If a table was lost, rescue the data first, from a copy of the disk.",
        "If nothing on it is wanted, set wipe: true for this one disk in the profile. A disk that LVM or a file system had before needs that, too.",
    ],
};

pub const IN_USE: Explanation = Explanation {
    title: "The disk is in use",
    means: "The disk or something on it is mounted, active swap, held by device-mapper, md or another driver, or opened exclusively by a program.",
    why: "What is in use is somebody's, whatever the profile says. Not even wipe: true takes it.",
    look: &["lsblk DISK", "findmnt; swapon --show", "ls /sys/class/block/NAME/holders", "fuser -v DISK"],
    cure: &[
        "Name another disk in the profile.",
        "If it shall be freed: unmount it, stop what holds it, and take its line out of /etc/fstab. Then plan again.",
    ],
};

pub const UNREADABLE: Explanation = Explanation {
    title: "The disk cannot be read, so nobody knows what is on it",
    means: "Reading the disk failed, or the facts that were planned from do not say what is on it.",
    why: "Only a disk that was looked at, and is blank, is taken for blank.",
    look: &["blkid -p DISK; echo $?", "journalctl -k | grep -i error", "smartctl -a DISK"],
    cure: &[
        "Replace the disk, or name another one in the profile.",
        "With --facts: gather them again on the host, naming this profile (atomhost facts PROFILE), as only disks that a profile names are probed.",
    ],
};

pub const READ_ONLY: Explanation = Explanation {
    title: "The disk is read-only",
    means: "The kernel says that nothing can be written to this device: it is a snapshot, a CD, locked, attached read-only by the hypervisor, or set so after errors.",
    why: "Whoever made it read-only had a reason, and the first write would fail halfway through a plan.",
    look: &["lsblk -o NAME,RO,TYPE,MODEL", "blockdev --getro DISK", "journalctl -k | grep -i 'write protect'"],
    cure: &["Attach it so that it can be written, or name another disk in the profile."],
};

pub const AMBIGUOUS: Explanation = Explanation {
    title: "It is not certain which disk is meant, or what is on it",
    means: "Several devices have the serial that the profile names, as the paths of multipath storage do, or the signatures on the disk contradict each other.",
    why: "A guess is right most of the time, and the other time it takes the wrong disk.",
    look: &["lsblk -o NAME,SERIAL,WWN,TYPE", "multipath -ll", "wipefs DISK"],
    cure: &[
        "Name the multipath device (/dev/mapper/…) or one by-path link in the profile.",
        "Where signatures contradict each other: see which of them is real. If nothing on the disk is wanted, set wipe: true for it.",
    ],
};

pub const IN_OTHER_GROUP: Explanation = Explanation {
    title: "The disk is a physical volume of another volume group",
    means: "The profile gives the disk to one volume group, and the host's LVM has it in another.",
    why: "Its extents may hold that group's volumes. A disk is never moved from one group to another.",
    look: &["pvs -o+pv_used", "lvs -o+devices", "vgs"],
    cure: &[
        "Correct the disk or volume_group in the profile.",
        "If the other group can spare it, free it by hand: pvmove DISK, vgreduce GROUP DISK, pvremove DISK; then set wipe: true for it.",
    ],
};

pub const SELECTOR_MISMATCH: Explanation = Explanation {
    title: "More disks fit the description than the profile wants",
    means: "The profile describes its disks by size, and more blank disks of that size are there than its count.",
    why: "Which of them is meant is for a person to say: the others may be meant for something else.",
    look: &["lsblk -d -o NAME,SIZE,SERIAL", "atomhost plan -v"],
    cure: &["Narrow the size, raise count, or name the disks by their serials."],
};
