//! What is warned of, although nothing is refused for it.

use super::Explanation;

pub const POOL_NEARLY_FULL: Explanation = Explanation {
    title: "A thin pool has little room left",
    means: "Its data or its metadata is more than 80 % full, or has no room left at all. What is in use is counted, not what thin volumes promise.",
    why: "When the data is full, writes fail or wait; when the metadata is full, the pool needs a repair that may lose what is in it.",
    look: &["atomhost pool status", "lvs -a -o +data_percent,metadata_percent"],
    cure: &[
        "Give the pool a larger size or metadata in the profile, and the group another disk if it is full.",
        "Remove what nobody needs in it: images and containers, by their engine.",
        "Set autoextend, so that LVM extends the pool before it is full.",
    ],
};

pub const FSTAB_DUPLICATE: Explanation = Explanation {
    title: "fstab has several lines for one mount point",
    means: "More than one line of /etc/fstab mounts something at the same path. One of them is compared with the profile, the others stay as they are.",
    why: "Which of them is mounted last, and so seen, is not the profile's to say.",
    look: &["grep -n PATH /etc/fstab", "findmnt PATH"],
    cure: &["Remove the lines that are left over, and run systemctl daemon-reload."],
};

pub const MOUNT_HIDES_FILES: Explanation = Explanation {
    title: "Files in a directory will be hidden by what is mounted on it",
    means: "The directory that the profile mounts something on is not empty. The files stay on the file system beneath, and come back when the mount goes.",
    why: "A service that had its data there finds an empty directory after the mount.",
    look: &["ls -la PATH", "du -sh PATH"],
    cure: &[
        "Files that belong on the new volume: stop their service, mount the volume elsewhere for once, and copy them with cp -a.",
        "Files that nobody needs: remove them before the mount.",
    ],
};

pub const TAKES_TWO_RUNS: Explanation = Explanation {
    title: "What lies on a mount of this plan is planned by the next run",
    means: "A file or directory of the profile is below a path that this run will mount. What is on that file system now shows only once it is mounted.",
    why: "The run makes what is missing there, and stops at whatever is there and differs, since that could not be shown beforehand.",
    look: &["atomhost plan"],
    cure: &["Run atomhost apply once more; at boot the unit does so by itself."],
};

pub const TOOL_MISSING: Explanation = Explanation {
    title: "A program that the plan may need is not installed",
    means: "One of the host's tools that make, grow or mount what the profile names is not where such tools are.",
    why: "If an action turns out to need it, apply ends before the first write with exit code 69.",
    look: &["atomhost plan -v"],
    cure: &[
        "Install the package that is named. On a host whose root OSTree deploys: rpm-ostree install, or in its image.",
    ],
};

pub const FILE_NOT_LASTING: Explanation = Explanation {
    title: "A file of the profile does not outlive a reboot",
    means: "Its path is in /run, /tmp or another place that is emptied when the host starts.",
    why: "Until the run after the boot the file is missing, and services that start before find nothing.",
    look: &["findmnt -T PATH"],
    cure: &["Choose a path that lasts.", "Or write a file in /etc/tmpfiles.d, which makes it at boot (tmpfiles.d(5))."],
};

pub const SECRET_READABLE: Explanation = Explanation {
    title: "The source of a secret file can be read by others",
    means: "A file of the profile is marked as a secret, and the mode of its source lets others than its owner read it.",
    why: "Plans and reports keep the secret, while everybody on the host can read it where it comes from.",
    look: &["stat -c '%A %U %n' SOURCE"],
    cure: &["chmod 600 the source, and change what was secret if others may have read it."],
};

pub const CERTIFICATE_VALIDITY: Explanation = Explanation {
    title: "A certificate is not valid now, or not for long",
    means: "Its dates say that it is not valid yet, is not valid any more, or ends within a month.",
    why: "Programs do not accept it outside its dates, and connections that depend on it fail then.",
    look: &["openssl x509 -in FILE -noout -subject -dates", "timedatectl"],
    cure: &[
        "Renew it, and give the new one to the profile.",
        "Where the host's clock is wrong: set it, or start its time synchronisation.",
    ],
};

pub const CERTIFICATE_UNUSUAL: Explanation = Explanation {
    title: "A trusted certificate is unusual",
    means: "It is no certificate authority, or its file holds several certificates.",
    why: "Without being an authority it is trusted for itself alone; of several in one file some programs find the first at most.",
    look: &["openssl x509 -in FILE -noout -text", "grep -c BEGIN FILE"],
    cure: &["Trust the authority that issued it.", "Give each certificate a file of its own."],
};

pub const WEAK_PASSWORD_HASH: Explanation = Explanation {
    title: "A password hash is of a kind that is guessed fast",
    means: "The hash was made by an old scheme of crypt(5), such as MD5, which a graphics card tries by the billion.",
    why: "Whoever gets hold of the hash, from a backup say, soon has the password.",
    look: &["man 5 crypt"],
    cure: &["Make a new one from a new password: mkpasswd -m yescrypt, or openssl passwd -6."],
};

pub const WEAK_KEY: Explanation = Explanation {
    title: "A key is short",
    means: "An RSA key of the profile has fewer bits than 2048.",
    why: "Newer versions of sshd refuse it: its owner is locked out by the next update.",
    look: &["ssh-keygen -l -f FILE", "sshd -T | grep -i requiredrsasize"],
    cure: &["Make a new one, ssh-keygen -t ed25519, and put it into the profile before the old one goes."],
};

pub const KEYS_PASSED_OVER: Explanation = Explanation {
    title: "sshd may not read the keys where they are written",
    means: "sshd is set to read keys from another place, or the user's home can be written by others, in which case sshd trusts nothing below it.",
    why: "The keys of the profile would be there and let nobody in.",
    look: &["sshd -T | grep -i authorizedkeys", "namei -l HOME/.ssh/authorized_keys"],
    cure: &[
        "chmod go-w the home, and chown it to its user.",
        "Set AuthorizedKeysFile in sshd_config(5) to .ssh/authorized_keys, or write the keys where it says, by files in the profile.",
    ],
};

pub const KEYS_NOT_EXCLUSIVE: Explanation = Explanation {
    title: "sshd reads another file of keys beside the one that is kept",
    means: "The profile wants its keys to be the only ones, and there is an authorized_keys2, which sshd reads by default as well.",
    why: "Keys in that file still let people in.",
    look: &["cat HOME/.ssh/authorized_keys2"],
    cure: &[
        "Remove that file: files: {PATH: {state: absent}}.",
        "Or set AuthorizedKeysFile in sshd_config(5) to .ssh/authorized_keys alone.",
    ],
};

pub const ROOT_WITHOUT_KEYS: Explanation = Explanation {
    title: "Root keeps a password only, which sshd does not take by default",
    means: "After this run no key lets root in. sshd takes root's password only where PermitRootLogin says yes.",
    why: "What is left is the console, which not every host has at hand.",
    look: &["sshd -T | grep -i permitrootlogin", "cat /root/.ssh/authorized_keys"],
    cure: &["Give root a key in the profile, or another administrator a way in."],
};

pub const LOCKED_OUT_ALREADY: Explanation = Explanation {
    title: "The access rules that are there lock every administrator out",
    means: "The rules on this host, which the plan does not change, let nobody in who administers it. Who is logged in now stays so until the end of that session.",
    why: "The next login fails. Since the plan does not make it worse, it is not refused.",
    look: &["cat /etc/security/access.conf", "pamtester sshd root acct_mgmt"],
    cure: &["Before this session ends: put a rule such as +:root:LOCAL before the one that denies, in the profile."],
};

pub const ACCESS_STOPS_SERVICES: Explanation = Explanation {
    title: "Access rules stop jobs or services of a user",
    means: "Root's cron jobs, or the user manager of somebody who may log in, ask PAM as well, and the rules deny them.",
    why: "Jobs silently do not run, and sessions start without their services.",
    look: &["journalctl -t CRON -t systemd | grep -i pam", "cat /etc/security/access.conf"],
    cure: &["Put the rule that the warning names before the one that denies, such as +:root:cron crond."],
};

pub const ACCESS_DECIDED_ELSEWHERE: Explanation = Explanation {
    title: "Other rules decide before those of the profile, or are never read",
    means: "The first line that matches decides. A line before the managed block decides otherwise than the profile, or a line that matches everybody keeps a file from being read.",
    why: "What the profile's rules say is not what happens.",
    look: &["cat /etc/security/access.conf", "ls /etc/security/access.d"],
    cure: &["Move what is still wanted into access.rules of the profile, and remove the other lines."],
};

pub const ACCESS_LINE_PASSED_OVER: Explanation = Explanation {
    title: "PAM passes over a line of access.conf",
    means: "The line has a mistake in it, or is the last one without a newline, which some versions of PAM do not read.",
    why: "Whoever wrote it believes in a rule that is not there; and it begins to count when somebody adds a newline.",
    look: &["cat -A /etc/security/access.conf", "man 5 access.conf"],
    cure: &["Correct the line, or remove it."],
};

pub const ACCESS_WITHOUT_EFFECT: Explanation = Explanation {
    title: "Services do not ask for the access rules",
    means: "PAM's stack of a service does not load pam_access, or loads it with another file.",
    why: "Whoever logs in through that service is not held up by any rule.",
    look: &["grep -rn pam_access /etc/pam.d", "man 8 pam_access"],
    cure: &[
        "Set access.pam: enabled in the profile, where the host's own tools can load it.",
        "Or add account required pam_access.so to the service's stack by hand.",
    ],
};

pub const JOURNALD_OVERRIDDEN: Explanation = Explanation {
    title: "A later file sets an option of the journal otherwise",
    means: "A drop-in of journald that is read after the profile's sets the same option to another value.",
    why: "The later one counts: the profile's value has no effect.",
    look: &["systemd-analyze cat-config systemd/journald.conf"],
    cure: &["Remove the option there, or from the profile."],
};

pub const DOCKER_SETTING_UNKNOWN: Explanation = Explanation {
    title: "docker-storage-setup is not known to read a variable",
    means: "The name is none of the variables that docker-storage-setup documents. It is written as the profile says.",
    why: "A name with a mistake in it has no effect, and nothing says so later.",
    look: &["man docker-storage-setup", "cat /etc/sysconfig/docker-storage-setup"],
    cure: &["Correct the name in docker.storage_setup, or leave it if your version knows it."],
};

pub const DOCKER_OPEN_DOOR: Explanation = Explanation {
    title: "Docker listens on a network without asking who is there",
    means: "One of its addresses is tcp:// without --tlsverify.",
    why: "Whoever reaches that address can start a container with the host's root in it: that is root on this host.",
    look: &["ss -ltnp | grep dockerd", "cat /etc/sysconfig/docker-network /etc/docker/daemon.json"],
    cure: &[
        "Add --tlsverify with its certificates, or leave the address out: the socket serves this host.",
        "From elsewhere: docker -H ssh://HOST.",
    ],
};
