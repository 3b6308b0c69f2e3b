//! The notes: in memory, and in a file that is whole at any time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{json, Value};

pub struct Store {
    path: PathBuf,
    /// Texts by number; numbers are not used twice while the program runs.
    notes: BTreeMap<u64, String>,
    next: u64,
}

impl Store {
    /// Reads the notes of an earlier run, if there are any.
    pub fn open(path: &str) -> io::Result<Self> {
        let mut notes = BTreeMap::new();
        match fs::read(path) {
            Ok(bytes) => {
                let list: Vec<Value> = serde_json::from_slice(&bytes)?;
                for note in list {
                    if let (Some(id), Some(text)) = (note["id"].as_u64(), note["text"].as_str()) {
                        notes.insert(id, text.to_owned());
                    }
                }
            }
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
            Err(problem) => return Err(problem),
        }
        let next = notes.keys().next_back().map_or(1, |last| last + 1);
        Ok(Self { path: path.into(), notes, next })
    }

    pub fn all(&self) -> Value {
        self.notes.keys().map(|id| self.note(*id)).collect()
    }

    pub fn has(&self, id: u64) -> bool {
        self.notes.contains_key(&id)
    }

    pub fn note(&self, id: u64) -> Value {
        json!({ "id": id, "text": self.notes.get(&id) })
    }

    /// Adds a note; returns its number.
    pub fn add(&mut self, text: String) -> io::Result<u64> {
        let id = self.next;
        self.change(id, Some(text))?;
        self.next += 1;
        Ok(id)
    }

    /// Gives a note this text, or takes it away; a change that can't be kept is not made.
    pub fn change(&mut self, id: u64, text: Option<String>) -> io::Result<()> {
        let before = match text {
            Some(text) => self.notes.insert(id, text),
            None => self.notes.remove(&id),
        };
        self.save().map_err(|problem| {
            match before {
                Some(text) => self.notes.insert(id, text),
                None => self.notes.remove(&id),
            };
            problem
        })
    }

    /// Writes a whole file beside the old one, waits until it is on the disk, and renames it.
    fn save(&self) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(self.all().to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }
}
