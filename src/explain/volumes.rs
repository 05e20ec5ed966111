//! Volume groups, volumes and thin pools that are not as they would have to be.

use super::Explanation;

pub const GROUP_MISSING: Explanation = Explanation {
    title: "The volume group is not there, and there is nothing to make it of",
    means: "No volume group has the name that the profile gives, and the profile lists no disks for it.",
    why: "A volume group is made of disks, and which those are is for the profile to say.",
    look: &["vgs", "pvs -a", "lvmconfig devices/filter devices/global_filter"],
    cure: &[
        "Correct lvm.volume_group: Atomic hosts call theirs atomicos, others after the host.",
        "List its disks under lvm.disks, and it is made.",
        "If it should be there, LVM may be kept from seeing its disks by a filter or a devices file.",
    ],
};

pub const GROUP_INCOMPLETE: Explanation = Explanation {
    title: "A disk of the volume group is missing",
    means: "LVM's metadata names a physical volume that is on no device of this host now.",
    why: "Some volumes have holes now, and LVM itself goes on with some changes but not with others. Whatever is changed in this state makes the repair harder.",
    look: &["vgs -o+vg_missing_pv_count", "pvs -o+pv_uuid", "lvs -o+devices,lv_health_status"],
    cure: &[
        "Attach the missing disk again; nothing else is needed.",
        "If it is gone for good: restore what was on it, then vgreduce --removemissing by hand, knowing which volumes that costs.",
    ],
};

pub const GROUP_NOT_OURS: Explanation = Explanation {
    title: "The volume group is exported, shared, read-only, or there twice",
    means: "Something marks the group as not, or not only, this host's: it is exported, clustered or shared, read-only, has a namesake, or one of its disks is seen twice.",
    why: "Two writers to one group's metadata destroy it, and of two groups of one name the wrong one may be changed.",
    look: &["vgs -o+vg_attr,vg_uuid,vg_lock_type", "pvs -o+pv_duplicate", "multipath -ll"],
    cure: &[
        "Exported: vgimport GROUP, once no other host uses it.",
        "Read-only: vgchange --permission rw GROUP, if nobody meant it to be.",
        "Two of one name: vgrename UUID NEWNAME for the foreign one.",
        "A disk seen twice: set up multipath, or detach the copy, such as a snapshot of it.",
    ],
};

pub const NOT_ENOUGH_SPACE: Explanation = Explanation {
    title: "The volume group has too little space for what the profile wants",
    means: "The sizes of all volumes and pools, with the metadata of the pools and the spare that LVM keeps for their repair, come to more extents than the group will have.",
    why: "Everything is counted to the extent beforehand, so that no run stops halfway with some volumes made and no room for the rest.",
    look: &["atomhost plan -v", "vgs -o+vg_free_count,vg_extent_size", "lvs -a -o+seg_size_pe"],
    cure: &[
        "Add a disk under lvm.disks; the refusal says how large it must be.",
        "Ask for less, or give one volume 100%FREE instead of a size.",
        "A disk that was made larger gives its new space with grow: physical-volumes.",
    ],
};

pub const TOO_LARGE: Explanation = Explanation {
    title: "The volume is larger than the profile wants exactly",
    means: "The volume or pool is larger than its size in the profile, which says exact: true.",
    why: "Nothing is ever shrunk: XFS and thin pools cannot be, and anything else would risk what is on it.",
    look: &["lvs -o+seg_size_pe --units b", "atomhost plan -v"],
    cure: &[
        "Raise the size in the profile to what is there.",
        "Drop exact: true. A size then means at least, and a larger volume is in sync.",
    ],
};

pub const UNSUITABLE: Explanation = Explanation {
    title: "The volume is there, but of another kind, damaged or inactive",
    means: "A volume of that name exists, but it is a snapshot, mirror, thin volume or pool where the profile wants something else, LVM reports it damaged, or it is not active.",
    why: "Extending what is not understood breaks it, and on what is not active nobody can see what it holds.",
    look: &["lvs -a -o+segtype,lv_health_status,lv_active GROUP", "journalctl -k | grep device-mapper"],
    cure: &[
        "Choose another name in the profile; the volume that is there stays.",
        "Inactive: lvchange --activate y GROUP/VOLUME, unless somebody took it down on purpose.",
        "Damaged: repair it with LVM's own tools first (lvmraid(7), lvconvert(8)).",
    ],
};

pub const POOL_UNHEALTHY: Explanation = Explanation {
    title: "The thin pool is damaged",
    means: "The kernel has marked the pool: its metadata needs a check, went read-only, or failed altogether, usually after it ran full or its disk failed.",
    why: "Any further change of a pool whose metadata is in doubt may cost all volumes in it.",
    look: &[
        "lvs -o+lv_health_status,lv_when_full,data_percent,metadata_percent GROUP/POOL",
        "journalctl -k | grep -i thin",
    ],
    cure: &[
        "Stop what uses it, take it down, and run lvconvert --repair GROUP/POOL (lvmthin(7)).",
        "If all that is in it can be fetched again, as images of containers can: atomhost pool reset GROUP/POOL.",
    ],
};

pub const POOL_CHUNK_FIXED: Explanation = Explanation {
    title: "The pool has another chunk size than the profile wants",
    means: "The chunk is the unit in which a thin pool gives out space. The pool was made with another one.",
    why: "A pool's chunk cannot be changed while it lives: only removing the pool with all that is in it would do.",
    look: &["lvs -o+chunk_size GROUP/POOL", "atomhost pool status"],
    cure: &[
        "Set chunk in the profile to what the pool has, or leave it out.",
        "If nothing in the pool is wanted: atomhost pool reset GROUP/POOL makes it anew as the profile says.",
    ],
};

pub const POOL_IN_USE: Explanation = Explanation {
    title: "The pool is to be reset, and something in it is in use",
    means: "A volume in the pool is mounted, or a program has it or the pool itself open, that stopping the container engines would not end.",
    why: "A reset removes all that is in the pool. What is in use is somebody's.",
    look: &[
        "atomhost pool status",
        "lsblk -o NAME,TYPE,MOUNTPOINTS",
        "dmsetup info -c -o name,open",
        "fuser -vm MOUNTPOINT",
    ],
    cure: &[
        "Unmount it, or stop what uses it, then run the reset again.",
        "Name the unit that uses it with --stop: it is stopped before and started again after.",
    ],
};

pub const POOL_MISSING: Explanation = Explanation {
    title: "There is no thin pool of that name to reset",
    means: "The volume group, or the pool in it, that the command names does not exist, and the profile does not make it known either.",
    why: "A reset removes what it is told to; a name that fits nothing is a slip.",
    look: &["atomhost pool status", "vgs; lvs -S segtype=thin-pool"],
    cure: &[
        "Write the name as atomhost pool status does: GROUP/POOL.",
        "A pool that was never there is made by atomhost apply.",
    ],
};

pub const RESET_UNFINISHED: Explanation = Explanation {
    title: "The reset of a pool was cut off, and this profile would not finish it",
    means: "A run removed a pool to make it anew and was cut off before it could. The profile names no such pool, so that an apply would leave the host without.",
    why: "Container engines were promised their pool back, and other volumes of this plan might take its space.",
    look: &["atomhost status -v", "lvs -a GROUP", "cat /var/lib/atomhost/record.json"],
    cure: &["Finish it: atomhost pool reset GROUP/POOL.", "Name the pool in the profile, and apply makes it."],
};

pub const NOT_IN_SYNC: Explanation = Explanation {
    title: "Something else of the profile has to be done first",
    means: "The pool is to be reset as the profile says, and the host differs from the profile in other things that touch the pool's volume group.",
    why: "The size of the new pool depends on those: resetting it first would make it with the wrong size, for good.",
    look: &["atomhost plan"],
    cure: &["Run atomhost apply, then the reset again."],
};
