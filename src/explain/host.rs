//! Files, accounts, secrets and logins.

use super::Explanation;

pub const FILE_UNSUITABLE: Explanation = Explanation {
    title: "A file is not what it would have to be to be changed safely",
    means: "What is at the path is no regular file, cannot be read or written, is not the text, JSON or TOML that its program reads, or its owner, source or directory is missing.",
    why: "A file is changed by replacing it whole, with all its other lines kept. That needs a file that can be understood, and a place where it can be put.",
    look: &["namei -l PATH", "stat PATH; lsattr PATH", "findmnt -T PATH"],
    cure: &[
        "Do what the refusal's own cure says: it knows the file.",
        "A file that is in the way: move it elsewhere, and it is made anew.",
        "A file with a mistake in it: correct that with the program's own check, such as lvmconfig --validate.",
        "On a read-only file system: choose a path in /etc or /var.",
    ],
};

pub const ACCOUNT_CONFLICT: Explanation = Explanation {
    title: "A user or group is there, but not as the profile says",
    means: "The account has another uid, gid, primary group or home than the profile gives it, the number is another account's, or a group, shell or home that it needs is missing or unsafe.",
    why: "Files belong to numbers and not to names: with a new number a user's files would be somebody else's.",
    look: &["getent passwd USER; id USER", "getent group GROUP", "find / -xdev -uid NUMBER"],
    cure: &[
        "Correct the profile to what is there, or leave the key out.",
        "Choose a number that is free.",
        "If the account must change: usermod or groupmod by hand, while nobody uses it, and chown its files.",
    ],
};

pub const SECRET_UNSUITABLE: Explanation = Explanation {
    title: "A secret is missing, others can read it, or it is no hash",
    means: "The file or credential that shall hold a password hash is not there, belongs to or can be read by others than root, or holds something that crypt(5) does not know.",
    why: "A secret that others can read is none, and a password field with a mistake locks its user out.",
    look: &["stat -c '%A %U %n' FILE", "systemctl show -p LoadCredential atomhost.service"],
    cure: &[
        "Write it: mkpasswd -m yescrypt | install -m 600 /dev/stdin FILE.",
        "If others could read it: chmod 600 FILE, and choose a new password.",
        "A credential is given to a unit: LoadCredential=NAME:FILE, in a drop-in of each unit of atomhost that runs the profile.",
    ],
};

pub const LOCK_OUT: Explanation = Explanation {
    title: "Nobody who administers the host could log in any more",
    means: "After the plan neither root nor any user of the profile in wheel or sudo would have a key or a password, and now somebody has.",
    why: "A host that nobody can log in to can only be repaired at its console, or not at all.",
    look: &["atomhost plan -v", "passwd -S USER", "getent group wheel sudo"],
    cure: &[
        "List a key of yours under authorized_keys, or set a password_hash.",
        "Name another user who is in wheel or sudo and has a key.",
    ],
};

pub const ACCESS_LOCKS_OUT: Explanation = Explanation {
    title: "The access rules would leave administrators no way in",
    means: "The whole of access.conf, as the plan would leave it, was evaluated as pam_access does. It denies logins that must work: those under access.must_allow, or every way of root.",
    why: "The first line that matches decides, and a deny-all takes effect for the next login, also for that of whoever wants to correct it.",
    look: &["cat /etc/security/access.conf", "grep -l pam_access /etc/pam.d/*", "atomhost plan -v"],
    cure: &[
        "Add the rule that the refusal names, before the line that denies: +:root:LOCAL lets root in at the console.",
        "If that login need not work: take it out of access.must_allow.",
        "For changes that could still surprise: apply --confirm-within 10m takes them back unless somebody confirms.",
    ],
};
