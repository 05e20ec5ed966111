//! A profile from the variables of the Ansible role for Atomic hosts that the README's table goes through.
//!
//! What the role has fixed (sizes, access rules, Docker's options) is in the profile as it is in the role; what its
//! variables say takes its place there. Files that the role copies are named as left out, since they are no variables.

use super::Imported;
use crate::profile::error::{Problem, ProfileError};
use crate::profile::yaml::{self, At};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_yaml::FlowMap;
use std::ops::Range;

/// The variables that the role's tasks use.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Variables {
    volume_group: Option<At<String>>,
    default_pvs: Option<At<Names>>,
    root_lv: Option<At<String>>,
    srv_lv: Option<At<String>>,
    srv_partition: Option<At<String>>,
    ssh_users: Vec<At<SshUser>>,
}

const KNOWN: [&str; 10] = [
    "volume_group",
    "default_pvs",
    "root_lv",
    "root_device",
    "srv_lv",
    "srv_device",
    "srv_partition",
    "swapfile",
    "root_password",
    "ssh_users",
];

/// As Ansible's lvg module takes them: a list, or words between commas.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    Word(String),
    List(Vec<String>),
}

#[derive(Deserialize)]
struct SshUser {
    #[serde(alias = "name")]
    user: String,
    key: String,
}

#[derive(Serialize)]
struct Document {
    version: u32,
    lvm: Lvm,
    users: IndexMap<String, User>,
    access: Access,
    docker: Docker,
    files: IndexMap<&'static str, FlowMap<File>>,
    cloud_init: FlowMap<CloudInit>,
}

#[derive(Serialize)]
struct Lvm {
    archive: bool,
    volume_group: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disks: Vec<String>,
    volumes: IndexMap<String, FlowMap<Volume>>,
}

#[derive(Default, Serialize)]
struct Volume {
    size: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filesystem: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    swap: Option<bool>,
}

#[derive(Default, Serialize)]
struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash_file: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorized_keys: Vec<String>,
}

#[derive(Serialize)]
struct Access {
    rules: [&'static str; 2],
}

#[derive(Serialize)]
struct Docker {
    storage_setup: FlowMap<IndexMap<&'static str, &'static str>>,
    network_options: [&'static str; 1],
}

#[derive(Serialize)]
struct File {
    state: &'static str,
}

#[derive(Serialize)]
struct CloudInit {
    state: &'static str,
    mask: bool,
}

/// `text` is a file of variables in YAML, called `name` in messages.
///
/// # Errors
/// The file cannot be read as variables, with its place; or what came of it cannot be written as YAML.
pub fn profile(text: &str, name: &str) -> Result<Imported, ProfileError> {
    let wrong = |problem: Problem| ProfileError::new(name, text, vec![problem]);
    let given: IndexMap<At<String>, serde_json::Value> = yaml::read(text).map_err(wrong)?;
    let variables: Variables = yaml::read(text).map_err(wrong)?;
    let mut left_out = Vec::new();
    for variable in given.keys().filter(|variable| !KNOWN.contains(&variable.value.as_str())) {
        left_out.push(format!("the variable {}, which is none of the role's", variable.value));
    }
    let document = document(variables, given.contains_key(&plain("root_password")), &mut left_out).map_err(wrong)?;
    left_out.extend(FILES.map(str::to_owned));
    Imported::new(&format!("What the role for Atomic hosts does with {name}."), &document, left_out)
        .map_err(|error| wrong(Problem::of_file(error, "")))
}

/// What the role takes from files beside it, or from nowhere.
const FILES: [&str; 6] = [
    "journald.conf: give its sizes as journald: {SystemMaxUse: 1G}",
    "ca.crt: copy it to the host and name it: ca_certificates: {/etc/pki/tls/certs/ca.crt: {source: …, trust: true}}",
    "root-bashrc and root-bash_profile: files: {/root/.bashrc: {content: …}}",
    "Docker's tcp address in docker-network: without TLS it lets everybody become root",
    "who may log in but root's cron: add \"+:root:LOCAL 10.0.0.0/8\" and others above \"-:ALL:ALL\"; plan refuses a profile that locks administrators out",
    "the thin pool, which docker-storage-setup makes: as thin_pools it is planned and watched (profiles/scheme-v2.yaml)",
];

fn document(variables: Variables, has_password: bool, left_out: &mut Vec<String>) -> Result<Document, Problem> {
    let Variables { volume_group, default_pvs, root_lv, srv_lv, srv_partition, ssh_users } = variables;
    let name = |given: Option<At<String>>, default: &str| match given {
        Some(At { value, span }) => literal(value, &span),
        None => Ok(default.to_owned()),
    };
    let mut volumes = IndexMap::new();
    volumes.insert(name(root_lv, "root")?, FlowMap(Volume { size: "15G", ..Volume::default() }));
    let mount = Some(name(srv_partition, "/var/srv")?);
    let srv = Volume { size: "15G", filesystem: Some("xfs"), mount, swap: None };
    volumes.insert(name(srv_lv, "srv")?, FlowMap(srv));
    // The role's own name: it has no variable for it, only for the path.
    volumes.insert("swap".to_owned(), FlowMap(Volume { size: "2G", swap: Some(true), ..Volume::default() }));
    let disks = match default_pvs {
        Some(At { value: Names::Word(words), span }) => literal(words, &span)?
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        Some(At { value: Names::List(names), span }) => {
            names.into_iter().map(|name| literal(name, &span)).collect::<Result<_, _>>()?
        }
        None => Vec::new(),
    };
    if !disks.is_empty() {
        left_out.push(
            "names of disks that stay true over reboots: {serial: …} in place of /dev/… where a host has several"
                .to_owned(),
        );
    }
    let lvm = Lvm { archive: false, volume_group: name(volume_group, "atomicos")?, disks, volumes };
    let mut users: IndexMap<String, User> = IndexMap::new();
    if has_password {
        users.entry("root".to_owned()).or_default().password_hash_file = Some("/etc/atomhost/root.hash");
        left_out
            .push("the value of root_password: put it into /etc/atomhost/root.hash on the host, mode 0600".to_owned());
    }
    for At { value: SshUser { user, key }, span } in ssh_users {
        users.entry(literal(user, &span)?).or_default().authorized_keys.push(literal(key, &span)?);
    }
    Ok(Document {
        version: 1,
        lvm,
        users,
        access: Access { rules: ["+:root:cron crond", "-:ALL:ALL"] },
        docker: Docker {
            storage_setup: FlowMap(IndexMap::from([("ROOT_SIZE", "15G")])),
            network_options: ["-H unix:///var/run/docker.sock"],
        },
        files: IndexMap::from([("/var/log/lastlog", FlowMap(File { state: "touch" }))]),
        cloud_init: FlowMap(CloudInit { state: "disabled", mask: true }),
    })
}

/// Ansible would work it out from other variables; here is nobody who does.
fn literal(value: String, span: &Range<usize>) -> Result<String, Problem> {
    match value.contains("{{") || value.contains("{%") {
        true => Err(Problem::new(
            span,
            "this is a template, and only Ansible can work it out",
            "write the value, or import what `ansible HOST -m debug -a var=NAME` prints",
        )),
        false => Ok(value),
    }
}

fn plain(name: &str) -> At<String> {
    At { value: name.to_owned(), span: 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    const VARIABLES: &str = "\
volume_group: atomicos
default_pvs: /dev/sda2,/dev/sdb
root_lv: root
root_device: /dev/mapper/atomicos-root
srv_lv: srv
srv_device: /dev/mapper/atomicos-srv
srv_partition: /var/srv
swapfile: /dev/mapper/atomicos-swap
root_password: $6$salt$hidden
ssh_users:
  - {name: core, key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL+CWEwdt9TqsrSb+wuAdFZ+5Rr21GoFHm5OeL3in77l ours}
ntp_server: ntp.example.com
";

    #[test]
    fn the_roles_variables_make_a_good_profile() {
        let Imported { text, left_out } = profile(VARIABLES, "vars.yml").expect("variables");
        let read = parse(text.as_bytes(), "imported").unwrap_or_else(|error| panic!("{text}\n{error}"));
        let group = &read.volume_groups[0];
        assert_eq!((group.name.as_str(), group.disks.len(), group.volumes.len()), ("atomicos", 2, 3));
        assert_eq!(read.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["root", "core"]);
        assert!(read.access.is_some() && read.cloud_init.is_some() && read.lvm_archive == Some(false));
        assert!(left_out.iter().any(|what| what.contains("ntp_server")), "{left_out:?}");
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn what_is_not_said_is_as_the_role_has_it() {
        let Imported { text, .. } = profile("default_pvs: [/dev/sdb]\n", "vars.yml").expect("variables");
        let read = parse(text.as_bytes(), "imported").unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(read.volume_groups[0].name, "atomicos");
        assert!(read.users.is_empty());
    }

    #[test]
    fn what_is_no_variable_is_shown_where_it_is() {
        let rows = [
            ("volume_group: \"{{ vg }}\"\n", "a template"),
            ("ssh_users: [{name: core, key: \"{{ lookup('file', 'k') }}\"}]\n", "a template"),
            ("- a\n", "vars.yml"),
            ("ssh_users: [{key: x}]\n", "vars.yml:1"),
            ("volume_group: [a]\n", "vars.yml:1"),
        ];
        for (text, expected) in rows {
            let error = profile(text, "vars.yml").expect_err(text).render(false);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
