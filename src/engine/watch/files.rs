//! The files of a script, and what becomes of them: written, deleted, there again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::engine::sources::Sources;

/// What shows that a file is another than before: its number (editors put a new file in the place of the old), when it was
/// written and when it was changed in any way, in nanoseconds, and its length.
type Stamp = (u64, i128, i128, u64);

/// Files that are followed, by their names.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// How they were when they were last reported; `None`: not there.
    reported: BTreeMap<String, Option<Stamp>>,
    /// Those that differ from that, as they were when they were last looked at: one may be half written.
    unsettled: BTreeMap<String, Option<Stamp>>,
}

/// What has become of files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FileChanges {
    /// Those that were written, or are there again.
    pub(super) written: Vec<String>,
    /// Those that are no longer there.
    pub(super) gone: Vec<String>,
}

impl Files {
    /// Follows the file called `name` too. `current`: whether it is known to be as it was read.
    pub(super) fn follow(&mut self, name: &str, current: impl FnOnce() -> bool) {
        if !self.reported.contains_key(name) {
            // Taken before it is compared: what is written from here on shows.
            let now = stamp(name);
            let before = if current() { now } else { now.map(|_| Stamp::default()) };
            self.reported.insert(name.to_string(), before);
        }
    }

    /// Follows what a script has read and looked for.
    pub(super) fn follow_all(&mut self, sources: &Sources) {
        for name in sources.names() {
            self.follow(&name, || sources.is_current(&name));
        }
        for name in sources.missed() {
            self.follow(&name, || true);
        }
    }

    /// Follows the file called `name` alone from now on.
    pub(super) fn keep(&mut self, name: &str) {
        self.reported.retain(|known, _| known == name);
    }

    /// Looks at each file. What is different from before is reported at the second look that finds it the same: an editor that writes
    /// has finished.
    pub(super) fn look(&mut self) -> FileChanges {
        let (mut news, mut unsettled) = (FileChanges::default(), BTreeMap::new());
        for (name, before) in &mut self.reported {
            let now = stamp(name);
            if now == *before {
                continue;
            }
            if self.unsettled.get(name) != Some(&now) {
                unsettled.insert(name.clone(), now);
                continue;
            }
            *before = now;
            let list = if now.is_some() { &mut news.written } else { &mut news.gone };
            list.push(name.clone());
        }
        self.unsettled = unsettled;
        news
    }
}

/// `None`: there is no such file.
fn stamp(file: &str) -> Option<Stamp> {
    let data = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let (written, changed) = (nanos(data.mtime(), data.mtime_nsec()), nanos(data.ctime(), data.ctime_nsec()));
    Some((data.ino(), written, changed, data.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_reported_when_it_has_settled() {
        let dir = std::env::temp_dir().join(format!("pingscript-files-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let file = dir.join("a.rhai");
        let name = file.to_string_lossy().into_owned();
        fs::write(&file, "1").expect("written");
        let (mut files, nothing) = (Files::default(), FileChanges::default());
        let written = || FileChanges { written: vec![name.clone()], gone: Vec::new() };
        files.follow(&name, || true);
        assert_eq!(files.look(), nothing);
        fs::write(&file, "12").expect("written");
        assert_eq!(files.look(), nothing);
        // Still being written.
        fs::write(&file, "123").expect("written");
        assert_eq!(files.look(), nothing);
        assert_eq!(files.look(), written());
        assert_eq!(files.look(), nothing);
        // One of the same length and times in its place, as an editor that keeps them puts it there.
        let (new, times) = (dir.join("new"), fs::metadata(&file).and_then(|data| data.modified()).expect("its time"));
        fs::write(&new, "456").expect("written");
        fs::File::options().write(true).open(&new).and_then(|new| new.set_modified(times)).expect("set back");
        fs::rename(&new, &file).expect("renamed");
        assert_eq!((files.look(), files.look()), (FileChanges::default(), written()));
        fs::remove_file(&file).expect("removed");
        assert_eq!((files.look(), files.look().gone), (FileChanges::default(), vec![name.clone()]));
        assert_eq!(files.look(), nothing, "reported once");
        fs::write(&file, "12").expect("written");
        assert_eq!((files.look(), files.look()), (FileChanges::default(), written()));
        // One that was written between its reading and now.
        let mut late = Files::default();
        late.follow(&name, || false);
        assert_eq!((late.look(), late.look()), (FileChanges::default(), written()));
        fs::remove_dir_all(&dir).expect("removed");
    }
}
