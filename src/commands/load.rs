//! Reading a profile: the file, what it extends, and what is dropped in beside it.

use super::{remote, trust};
use crate::exit::{Exit, Failure};
use crate::host::Reader;
use crate::profile::compose::{self, Extended, Merged, Part};
use crate::profile::remote::{Remote, is_address};
use crate::profile::{self, MAX_PROFILE_BYTES, Profile};
use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files that extend one another, one after the other.
const MAX_DEPTH: usize = 16;
/// Files of one profile.
const MAX_FILES: usize = 256;

/// A profile, and what it was read from.
pub struct Loaded {
    pub profile: Profile,
    /// Of one file: its text. Of several: all of them, each with its path and length, so that another set of files has
    /// another digest.
    pub text: Vec<u8>,
    /// What of it came from afar.
    pub afar: Vec<(Remote, Vec<u8>)>,
}

/// A file of a profile.
struct File {
    /// Or address.
    path: PathBuf,
    bytes: Vec<u8>,
    origin: Origin,
    part: Part,
}

/// Where a file of a profile is.
enum Origin {
    Here(Metadata),
    Afar(Remote),
}

/// As [`load`], of a profile that root is about to act on.
///
/// # Errors
/// Also exit 65 when others than root could have written any of its files, or could read the secrets in it.
pub fn load_trusted(path: &Path, color: bool) -> Result<Loaded, Failure> {
    let files = gather(path, color)?;
    for file in &files {
        let holds = if file.part.holds_secrets() { trust::Holds::Secrets } else { trust::Holds::Orders };
        match &file.origin {
            Origin::Here(metadata) => check_trust(&file.path, metadata, holds)?,
            // Its digest stands where root has it from.
            Origin::Afar(_) if holds == trust::Holds::Orders => {}
            Origin::Afar(remote) => {
                let reason = format!(
                    "{} holds a password hash, which others can fetch as well: write password_hash_file in its place, and \
                     choose a new password",
                    remote.url
                );
                return Err(Failure::new(Exit::InvalidProfile, reason));
            }
        }
    }
    read(files, color)
}

/// Reads and checks a profile.
///
/// # Errors
/// Exit 66 when a file cannot be read, 65 when it is no good profile.
pub fn load(path: &Path, color: bool) -> Result<Loaded, Failure> {
    read(gather(path, color)?, color)
}

/// The files of a profile, merged and not yet read as one.
///
/// # Errors
/// As [`load`], as far as the files themselves go.
pub fn merged(path: &Path, color: bool) -> Result<Merged, Failure> {
    Ok(compose::merge(gather(path, color)?.into_iter().map(|file| file.part).collect()))
}

/// Without root nothing is done to a host, and nothing is to be judged.
///
/// # Errors
/// Exit 65 when root must not act on the file.
pub fn check_trust(path: &Path, metadata: &Metadata, holds: trust::Holds) -> Result<(), Failure> {
    if Reader::this_machine().require_root().is_err() {
        return Ok(());
    }
    trust::check(path, metadata, holds).map_err(|reason| Failure::new(Exit::InvalidProfile, reason))
}

/// One byte more than `largest`, at most: the parser says what is wrong with that.
///
/// # Errors
/// The file cannot be read.
pub fn read_limited(path: &Path, largest: u64) -> std::io::Result<(Vec<u8>, Metadata)> {
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a directory; name the file in it"));
    }
    let mut text = Vec::new();
    file.take(largest + 1).read_to_end(&mut text)?;
    Ok((text, metadata))
}

fn read(files: Vec<File>, color: bool) -> Result<Loaded, Failure> {
    let invalid = |error: profile::ProfileError| Failure::new(Exit::InvalidProfile, error.render(color));
    let afar = |file: &File| match &file.origin {
        Origin::Here(_) => None,
        Origin::Afar(remote) => Some((remote.clone(), file.bytes.clone())),
    };
    let afar = files.iter().filter_map(afar).collect();
    if let [File { bytes, part, .. }] = files.as_slice() {
        let profile = profile::parse(bytes, part.source.name()).map_err(invalid)?;
        return Ok(Loaded { profile, text: bytes.clone(), afar });
    }
    let mut text = Vec::new();
    let mut parts = Vec::new();
    for File { path, bytes, part, .. } in files {
        text.extend(format!("{}\0{}\0", path.display(), bytes.len()).into_bytes());
        text.extend(bytes);
        parts.push(part);
    }
    let profile = compose::merge(parts).parse().map_err(invalid)?;
    Ok(Loaded { profile, text, afar })
}

/// In the order in which they are merged: what a file extends, the file, and what is dropped in beside it, by name.
fn gather(path: &Path, color: bool) -> Result<Vec<File>, Failure> {
    let mut gathering = Gathering { color, chain: Vec::new(), files: Vec::new() };
    gathering.add(path, true)?;
    for dropped in drop_ins(path)? {
        gathering.add(&dropped, false)?;
    }
    Ok(gathering.files)
}

/// `*.yaml` in the directory of the profile's name with .d in place of .yaml. Hidden files are an editor's.
fn drop_ins(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if is_address(path) {
        return Ok(Vec::new());
    }
    let directory = path.with_extension("d");
    let unreadable = |error: std::io::Error| {
        Failure::new(Exit::UnreadableProfile, format!("cannot read the directory {}: {error}", directory.display()))
    };
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

struct Gathering {
    color: bool,
    /// The files that are being added, each extended by the one before it.
    chain: Vec<PathBuf>,
    files: Vec<File>,
}

impl Gathering {
    fn add(&mut self, path: &Path, may_extend: bool) -> Result<(), Failure> {
        let (bytes, origin) = read_part(path)?;
        let name = match &origin {
            Origin::Here(_) => path.display().to_string(),
            Origin::Afar(remote) => remote.url.clone(),
        };
        // A drop-in that says nothing, yet, is as good as none.
        if !may_extend && compose::says_nothing(&bytes) {
            return Ok(());
        }
        let color = self.color;
        let invalid = |error: profile::ProfileError| Failure::new(Exit::InvalidProfile, error.render(color));
        let mut part = match Part::read(&name, &bytes) {
            Ok(part) => part,
            // The parser of whole profiles has the better words for what is none.
            Err(error) => return Err(invalid(profile::parse(&bytes, &name).err().unwrap_or(error))),
        };
        self.chain.push(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        for base in part.take_extends().map_err(invalid)? {
            if !may_extend {
                return Err(invalid(part.error(&base, "a drop-in extends nothing", "extend it in the profile itself")));
            }
            let (path, real) = self.find(path, &origin, &part, &base)?;
            if let Some(at) = self.chain.iter().position(|file| *file == real) {
                let circle: Vec<String> =
                    self.chain[at..].iter().chain([&real]).map(|file| file.display().to_string()).collect();
                let message = format!("the profile extends itself: {}", circle.join(" → "));
                return Err(invalid(part.error(&base, message, "break the circle: one of them must not")));
            }
            if self.chain.len() >= MAX_DEPTH || self.files.len() >= MAX_FILES {
                return Err(invalid(part.error(&base, "too many files extend one another", "a few levels are enough")));
            }
            let known = |file: &File| match &file.origin {
                Origin::Here(_) => std::fs::canonicalize(&file.path).is_ok_and(|path| path == real),
                Origin::Afar(_) => file.path == real,
            };
            // What two of its bases extend counts once, before both.
            if !self.files.iter().any(known) {
                self.add(&path, true)?;
            }
        }
        self.chain.pop();
        self.files.push(File { path: path.to_owned(), bytes, origin, part });
        Ok(())
    }

    /// Where a name of `extends` leads, from the file in which it stands; and the same without any links.
    fn find(&self, from: &Path, origin: &Origin, part: &Part, base: &Extended) -> Result<(PathBuf, PathBuf), Failure> {
        let invalid = |error: profile::ProfileError| Failure::new(Exit::InvalidProfile, error.render(self.color));
        let path = PathBuf::from(&base.name);
        if is_address(&path) {
            Remote::parse(&base.name).map_err(|bad| invalid(part.error(base, bad.message, bad.cure)))?;
            return Ok((path.clone(), path));
        }
        if let Origin::Afar(_) = origin {
            let message = "a profile from afar extends only what comes from afar as well";
            return Err(invalid(part.error(base, message, "write the whole address, with its digest")));
        }
        let path = from.parent().unwrap_or(Path::new("")).join(path);
        match std::fs::canonicalize(&path) {
            Ok(real) => Ok((path, real)),
            Err(error) => {
                let error = part.error(base, format!("cannot read {}: {error}", path.display()), "");
                Err(Failure::new(Exit::UnreadableProfile, error.render(self.color)))
            }
        }
    }
}

fn read_part(path: &Path) -> Result<(Vec<u8>, Origin), Failure> {
    if is_address(path) {
        let remote = Remote::parse(&path.display().to_string()).map_err(|bad| {
            Failure::new(Exit::InvalidProfile, format!("{}: {}: {}", path.display(), bad.message, bad.cure))
        })?;
        return Ok((remote::read(&remote)?, Origin::Afar(remote)));
    }
    let (bytes, metadata) = read_limited(path, MAX_PROFILE_BYTES as u64).map_err(|error| {
        Failure::new(Exit::UnreadableProfile, format!("cannot read the profile {}: {error}", path.display()))
    })?;
    Ok((bytes, Origin::Here(metadata)))
}
