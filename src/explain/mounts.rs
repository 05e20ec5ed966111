//! File systems, swap and mounts that contradict the profile.

use super::Explanation;

pub const FILESYSTEM_MISMATCH: Explanation = Explanation {
    title: "The volume holds something else than the profile wants there",
    means: "The volume carries another file system than the profile names, one that cannot grow as it is (mounted read-only, or larger than its volume), or something has it open without mounting it.",
    why: "A file system is never replaced, and growing a damaged or foreign one would damage it more.",
    look: &["blkid -p DEVICE", "findmnt DEVICE", "lsblk -f", "xfs_info MOUNTPOINT"],
    cure: &[
        "Set filesystem in the profile to what is there.",
        "Mounted read-only: mount -o remount,rw MOUNTPOINT, after looking in the journal why it is.",
        "A file system that is larger than its volume: somebody cut the volume short. Extend it to its old size with lvextend before anything else.",
    ],
};

pub const NOT_BLANK: Explanation = Explanation {
    title: "The volume is not provably blank, so nothing is made on it",
    means: "A file system or swap area is wanted on a volume that carries something else, cannot be read, or was not looked at.",
    why: "mkfs and mkswap destroy what is there. They run only on a volume of which every look agrees that it holds nothing.",
    look: &["wipefs DEVICE", "blkid -p DEVICE; echo $?", "lsblk -f"],
    cure: &[
        "Correct the profile: name what is there, or use another volume's name.",
        "If nothing on it is wanted, erase it by hand: wipefs --all DEVICE.",
        "With --facts: gather them again on the host, naming this profile (atomhost facts PROFILE).",
    ],
};

pub const MOUNT_CONFLICT: Explanation = Explanation {
    title: "Something else is mounted there, or the mount point cannot be made",
    means: "At the path of the profile another file system is mounted, or the directory is missing and cannot be made, as in the immutable root of an OSTree host.",
    why: "Mounting over it would hide files that are in use, and unmounting is not for a profile to do.",
    look: &["findmnt PATH", "namei -l PATH", "grep PATH /etc/fstab"],
    cure: &[
        "Unmount what is there and remove its line from /etc/fstab, once nothing uses it.",
        "Choose another path. On OSTree hosts that is one in /var.",
    ],
};

pub const SWAP_IN_USE: Explanation = Explanation {
    title: "Swap cannot grow now: what is in it does not fit into memory",
    means: "A swap area grows by being emptied, made anew and activated again. More is swapped out than memory has room for.",
    why: "swapoff would have the kernel end processes for want of memory.",
    look: &["free -m", "swapon --show", "grep VmSwap /proc/*/status | sort -nk2 | tail"],
    cure: &[
        "Free memory, by stopping or restarting what uses most, then run again.",
        "Leave its size in the profile as it is, and add a second swap volume instead.",
    ],
};

pub const FSTAB_CONFLICT: Explanation = Explanation {
    title: "A line of /etc/fstab says something else",
    means: "/etc/fstab mounts another device at the path of the profile, or mounts a volume that is about to be removed.",
    why: "That line is somebody's, and two lines for one path leave it to chance what the next boot mounts.",
    look: &["findmnt --fstab", "findmnt --verify", "blkid"],
    cure: &["Remove or correct that line, if nobody needs it.", "Correct the path or the volume in the profile."],
};
