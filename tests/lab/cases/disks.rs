//! Disks that are, or may be, of value to somebody; disks that are late, gone, or read-only.

use super::support::{PROFILE, assert_no_op, assert_refused, converge, extents, kinds, profile};
use crate::harness::{Disk, Host};
use std::time::Duration;

fn host(name: &str) -> Host {
    Host::builder(name).disk(Disk::blank("5G").serial("DATA1")).start()
}

/// What a disk may hold: its serial number and size, how it comes there, and what a refusal says of it. `$d` is the
/// disk. Those without a signature are last.
const CORPUS: [(&str, &str, &str, &str); 25] = [
    ("EXT2", "64M", "mkfs.ext2 -q $d", "carries ext2"),
    ("EXT3", "64M", "mkfs.ext3 -q $d", "carries ext3"),
    ("EXT4", "64M", "mkfs.ext4 -q $d", "carries ext4"),
    ("XFS", "320M", "mkfs.xfs -q $d", "carries xfs"),
    ("BTRFS", "128M", "mkfs.btrfs -q $d", "carries btrfs"),
    ("VFAT", "64M", "mkfs.vfat -I $d", "carries vfat"),
    ("NTFS", "64M", "mkfs.ntfs -q -Q -F $d", "carries dos, ntfs"),
    ("LUKS1", "64M", "luks --type luks1 --pbkdf-force-iterations 1000 $d", "carries crypto_LUKS"),
    (
        "LUKS2",
        "64M",
        "luks --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32 --pbkdf-parallel 1 $d",
        "carries crypto_LUKS",
    ),
    ("SWAP", "64M", "mkswap $d", "carries swap"),
    ("MD090", "64M", "array 0.90 $d", "carries linux_raid_member"),
    ("MD10", "64M", "array 1.0 $d", "carries linux_raid_member"),
    ("MD11", "64M", "array 1.1 $d", "carries linux_raid_member"),
    ("MD12", "64M", "array 1.2 $d", "carries linux_raid_member"),
    ("ORPHAN", "64M", "pvcreate -qq $d", "carries LVM2_member"),
    ("FOREIGN", "64M", "vgcreate -qq other $d", "$d is a physical volume of volume group other"),
    // The four labels, each with uberblocks of nothing but their magic number.
    ("ZFS", "64M", "for at in 0 256 65024 65280; do uberblocks $((at + 128)); done", "carries zfs_member"),
    ("GPT", "64M", "echo , | sfdisk -q --label gpt $d", "carries PMBR, gpt"),
    ("MBR", "64M", "echo , | sfdisk -q --label dos $d", "carries dos"),
    ("BACKUP", "64M", "echo , | sfdisk -q --label gpt $d; zero 0 1", "carries gpt"),
    (
        "LOST",
        "64M",
        "echo , | sfdisk -q --label gpt $d; mke2fs -q -t ext4 -E offset=1048576 $d 60M; zero 0 1; zero 63 1",
        "holds data without a known signature at ~1M",
    ),
    (
        "ODD",
        "64M",
        "mke2fs -q -t ext4 -E offset=12345344 -d /usr/lib/systemd $d 50M; zero 0 16",
        "holds data without a known signature at",
    ),
    ("MIDDLE", "64M", "dd if=/dev/urandom of=$d bs=1M seek=20 count=4", "holds data without a known signature at 20M"),
    ("WIPED", "64M", "mkfs.ext4 -q $d; wipefs -qa $d", "holds data without a known signature at"),
    ("REMOVED", "64M", "pvcreate -qq $d; pvremove -qq $d", "holds metadata of a removed physical volume at 4K"),
];

/// Makes what the corpus needs more than one command for.
const MAKERS: &str = r#"
luks() { cryptsetup luksFormat -q --key-file /etc/hostname "$@"; }
array() {
    mdadm --create /dev/md9 --run --metadata=$1 --level=1 --force --raid-devices=1 $2
    udevadm settle
    mdadm --stop /dev/md9
}
zero() { dd if=/dev/zero of=$d bs=1M seek=$1 count=$2 conv=fsync; }
uberblocks() {
    for at in $(seq $1 $(($1 + 7))); do printf '\x0c\xb1\xba\0\0\0\0\0' | dd of=$d bs=1K seek=$at conv=notrunc; done
}
"#;

/// Case 5: whatever a disk holds, its bytes stay as they are, until consent is given for it.
#[test]
fn a_disk_with_anything_on_it_is_not_taken_without_consent() {
    let mut host = Host::builder("corpus").start();
    // udev would assemble a stopped array anew at the next event.
    host.ok("mkdir -p /etc/mdadm && echo 'AUTO -all' >>/etc/mdadm/mdadm.conf");
    host.add_disks(CORPUS.iter().map(|(serial, size, ..)| Disk::blank(size).serial(serial)).collect());
    let mut script = format!("set -e; exec 3>&1 >/dev/null{MAKERS}");
    for (serial, _, make, _) in &CORPUS {
        script += &format!("d=$(readlink -f /dev/disk/by-id/*_{serial}); echo $d >&3; {make}\n");
    }
    let devices = host.ok(&format!("{script}udevadm settle; sync"));
    let digests = || CORPUS.map(|(serial, ..)| host.disk_digest(serial));
    let before = digests();
    let named = |consent: &str, except: &str| {
        let serials = CORPUS.iter().map(|(serial, ..)| serial).filter(|serial| **serial != except);
        let disks: Vec<String> = serials.map(|serial| format!("{{serial: {serial}{consent}}}")).collect();
        profile("root: {size: 3G}", "").replace("{serial: DATA1}", &disks.join(", "))
    };
    let found: Vec<String> = CORPUS
        .iter()
        .zip(devices.lines())
        .map(|((serial, _, _, found), device)| format!("{device} (serial {serial}): {}", found.replace("$d", device)))
        .collect();
    let expected: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(expected.len(), CORPUS.len());
    assert_refused(&host, &named("", ""), 3, &expected);
    let whichever = profile("root: {size: 3G}", "").replace("{serial: DATA1}", "{size: \"<=1G\", blank: true}");
    let look = |wanted: &str| {
        host.write(PROFILE, wanted);
        let output = host.run("atomhost plan");
        (output.code, output.stdout.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let (code, text) = look(&whichever);
    let told = ["0 blank disk(s) fit", "holds data without a known signature at 20M"];
    assert!(code == 75 && told.iter().all(|told| text.contains(told)), "{code}: {text}");
    for ((serial, ..), (now, then)) in CORPUS.iter().zip(digests().iter().zip(&before)) {
        assert_eq!(now, then, "{serial}: the disk's bytes changed");
    }
    let (code, text) = look(&named(", wipe: true", ""));
    assert!(code == 3 && text.contains("of volume group other") && text.contains("1 reason;"), "{code}: {text}");
    let planned = converge(&host, &named(", wipe: true", "FOREIGN"));
    let wiped = kinds(&planned).iter().filter(|kind| *kind == "wipe-signatures").count();
    assert_eq!(wiped, CORPUS.len() - 1);
    assert_eq!(host.ok("pvs --noheadings -S vg_name=atomicos | wc -l").trim(), CORPUS.len().to_string());
}

/// Case 5: consent does not reach what is in use.
#[test]
fn a_disk_in_use_is_refused_in_spite_of_consent() {
    let host = host("in-use");
    let wanted = profile("root: {size: 3G}", "").replace("{serial: DATA1}", "{serial: DATA1, wipe: true}");
    let rows = [
        ("mkfs.ext4 -q /dev/sdb && mount /dev/sdb /mnt", "umount /mnt", "/dev/sdb is mounted on /mnt"),
        ("wipefs -qa /dev/sdb; mkswap -q /dev/sdb && swapon /dev/sdb", "swapoff /dev/sdb", "/dev/sdb is active swap"),
        (
            "wipefs -qa /dev/sdb; dmsetup create held --table '0 2048 linear /dev/sdb 0'",
            "dmsetup remove held",
            "/dev/sdb is held by dm-",
        ),
        (
            "vgcreate -qq other /dev/sdb",
            "vgremove -qq other; pvremove -qq /dev/sdb",
            "/dev/sdb is a physical volume of volume group other",
        ),
        (
            "echo ',1G' | sfdisk -q --label gpt /dev/sdb && udevadm settle && mkfs.ext4 -q /dev/sdb1 && mount /dev/sdb1 /mnt",
            "umount /mnt; wipefs -qa /dev/sdb",
            "/dev/sdb1 is mounted on /mnt",
        ),
    ];
    for (take, release, expected) in rows {
        host.ok(&format!("{take} && udevadm settle"));
        assert_refused(&host, &wanted, 3, &[expected]);
        host.ok(release);
    }
    host.ok("blockdev --setro /dev/sdb");
    assert_refused(&host, &wanted, 3, &["is read-only"]);
    host.ok("blockdev --setrw /dev/sdb");
    // The system disk, and the disk that another process has open exclusively.
    assert_refused(&host, &wanted.replace("serial: DATA1", "path: /dev/sda"), 3, &["/dev/sda", "mounted on /boot"]);
}

/// Case 6.
#[test]
fn a_late_disk_is_waited_for_and_a_missing_one_named() {
    let mut host = Host::builder("late").start();
    let wanted = profile("root: {size: 4G}", "");
    assert_refused(&host, &wanted, 75, &["serial DATA1: no such disk"]);
    let waiting = host.spawn("atomhost apply --wait-disks 120s");
    std::thread::sleep(Duration::from_secs(5));
    assert!(waiting.is_running(), "it did not wait");
    host.add_disk(Disk::blank("5G").serial("DATA1"));
    let output = waiting.wait(Duration::from_secs(120)).expect("it ends");
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_no_op(&host);
    let both = wanted.replace("{serial: DATA1}", "{serial: DATA1}, {serial: DATA2}");
    assert_refused(&host, &both, 75, &["serial DATA2: no such disk"]);
}

/// A missing physical volume stops everything: plain vgextend would go on.
#[test]
fn a_group_with_a_missing_disk_is_left_alone() {
    let mut host = host("missing-pv");
    converge(&host, &profile("root: {size: 4G}", ""));
    host.remove_disk("DATA1");
    host.add_disk(Disk::blank("6G").serial("DATA2"));
    let wanted = profile("root: {size: 5G}", "").replace("DATA1", "DATA2");
    assert_refused(&host, &wanted, 3, &["atomicos: 1 physical volume(s) are missing"]);
}

/// Selectors leave no choice open, and stay true after the disk was taken.
#[test]
fn selectors_match_exactly() {
    let mut host = host("selectors");
    let wanted = profile("root: {size: 4G}", "").replace("{serial: DATA1}", "{size: \">=4G <=6G\", blank: true}");
    host.add_disk(Disk::blank("5G").serial("DATA2"));
    assert_refused(&host, &wanted, 3, &["1 wanted, 2 fit: /dev/sdb (5G), /dev/sdc (5G)"]);
    host.ok("mkfs.ext4 -q /dev/sdc");
    converge(&host, &wanted);
    // What wipefs leaves behind would refuse the disk.
    host.ok("wipefs -qa /dev/sdc && blkdiscard -z /dev/sdc");
    assert_no_op(&host);
    let id = host.ok("ls /dev/disk/by-id | grep DATA2").trim().lines().next().unwrap_or_default().to_owned();
    let more = wanted.replace("blank: true}", &format!("blank: true}}, {{by-id: {id}}}, /dev/sdc"));
    let planned = converge(&host, &more);
    assert!(planned["notes"].to_string().contains("taken once"), "{:#}", planned["notes"]);
    assert_eq!(host.ok("pvs --noheadings | wc -l").trim(), "3");
}

/// A crash while a disk is taken leaves an orphan physical volume; it is finished only when it is ours.
#[test]
fn an_orphan_of_an_interrupted_run_is_finished() {
    let host = host("orphan");
    let wanted = profile("root: {size: 4G}", "");
    host.ok("pvcreate -qq /dev/sdb");
    assert_refused(&host, &wanted, 3, &["LVM2_member"]);
    host.write(
        "/var/lib/atomhost/record.json",
        format!("{{\"disks\": {{}}, \"begun\": [{{\"what\": \"take-disk\", \"volume_group\": \"atomicos\", \"serials\": [\"DATA1\"], \"links\": [], \"size\": {}}}]}}", 5_u64 << 30),
    );
    host.ok("atomhost plan");
    // Label and metadata are two writes: without the first, LVM sees nothing there.
    host.ok("dd if=/dev/zero of=/dev/sdb bs=512 seek=1 count=1 conv=fsync status=none && udevadm settle");
    assert!(!host.ok("pvs").contains("/dev/sdb"));
    converge(&host, &wanted);
    assert_eq!(extents(&host, "atomicos/root"), 1024);
    assert!(!host.read("/var/lib/atomhost/record.json").contains("take-disk"), "the intent is forgotten");
}

/// A disk that gets a file system, or vanishes, between plan and apply.
#[test]
fn a_saved_plan_is_run_only_while_it_is_true() {
    let mut host = host("saved");
    host.write(PROFILE, profile("root: {size: 4G}", ""));
    host.ok("atomhost plan --out /root/plan.json");
    host.ok("mkfs.ext4 -q /dev/sdb && udevadm settle");
    let before = host.oracle();
    let output = host.run("atomhost apply --plan /root/plan.json");
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("stale"), "{}", output.stderr);
    host.oracle().assert_same(&before);
    host.remove_disk("DATA1");
    assert_eq!(host.run("atomhost apply --plan /root/plan.json").code, 4);
    for damage in
        ["sed -i 's/1024/1025/' /root/plan.json", "truncate -s -20 /root/plan.json", "echo '{}' >/root/plan.json"]
    {
        host.ok(damage);
        let output = host.run("atomhost apply --plan /root/plan.json");
        assert_eq!(output.code, 4, "{damage}: {}", output.stderr);
    }
    host.add_disk(Disk::blank("5G").serial("DATA1"));
    host.ok("atomhost plan --out /root/plan.json && atomhost apply --plan /root/plan.json");
    assert_no_op(&host);
}

/// The whole role of consent: what `wipe: true` may take is only the disk it is said of.
#[test]
fn consent_is_per_disk() {
    let mut host = host("consent");
    host.add_disk(Disk::blank("5G").serial("DATA2"));
    host.ok("mkfs.ext4 -q /dev/sdb; mkfs.ext4 -q /dev/sdc; sync");
    let wanted =
        profile("root: {size: 4G}", "").replace("{serial: DATA1}", "{serial: DATA1, wipe: true}, {serial: DATA2}");
    let digest = host.disk_digest("DATA1");
    assert_refused(&host, &wanted, 3, &["/dev/sdc (serial DATA2): carries ext4"]);
    assert_eq!(host.disk_digest("DATA1"), digest, "nothing at all is done where one disk is refused");
}
