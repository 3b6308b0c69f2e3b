//! A server of HTTP for notes, as a debug build of more than a thousand functions: what is kept is listed, sorted, counted
//! and searched.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::wasi::io::FromRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

#[derive(Clone, Debug, PartialEq, PartialOrd)]
struct Note {
    name: Rc<str>,
    text: String,
    weight: f64,
    at: Duration,
}

#[derive(Debug)]
enum Refusal {
    Missing(String),
    Malformed(std::num::ParseFloatError),
    Unknown { method: String, path: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Missing(name) => write!(f, "there is no note {:?}", name),
            Refusal::Malformed(problem) => write!(f, "a weight is a number: {}", problem),
            Refusal::Unknown { method, path } => write!(f, "{} {} means nothing here", method, path),
        }
    }
}

#[derive(Default)]
struct Notes {
    kept: BTreeMap<Rc<str>, Note>,
    asked: HashMap<String, u64>,
    last: VecDeque<(Instant, String)>,
}

impl Notes {
    fn answer(&mut self, method: &str, path: &str, body: &str) -> Result<String, Refusal> {
        *self.asked.entry(path.to_owned()).or_default() += 1;
        self.last.push_back((Instant::now(), path.to_owned()));
        if self.last.len() > 100 {
            self.last.pop_front();
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match (method, parts.as_slice()) {
            ("GET", []) => Ok(self.greeting()),
            ("GET", ["notes"]) => Ok(self.list()),
            ("GET", ["notes", name]) => self.one(name),
            ("PUT", ["notes", name, weight]) => self.keep(name, weight, body),
            ("GET", ["words"]) => Ok(self.words()),
            ("GET", ["heaviest"]) => Ok(format!("{:?}\n", self.heaviest())),
            ("GET", ["asked"]) => Ok(format!("{:#?}\n", self.asked)),
            ("GET", ["last"]) => Ok(self.last.iter().rev().map(|(at, path)| format!("{:?} {}\n", at.elapsed(), path)).collect()),
            _ => Err(Refusal::Unknown { method: method.to_owned(), path: path.to_owned() }),
        }
    }

    fn greeting(&self) -> String {
        format!("notes: {}\n", self.kept.len() + 1)
    }

    fn list(&self) -> String {
        self.kept.values().map(|note| format!("{} {:>8.2}\n", note.name, note.weight)).collect()
    }

    fn one(&self, name: &str) -> Result<String, Refusal> {
        let note = self.kept.get(name).ok_or_else(|| Refusal::Missing(name.to_owned()))?;
        Ok(format!("{}\n{:?}\n", note.text, note))
    }

    fn keep(&mut self, name: &str, weight: &str, text: &str) -> Result<String, Refusal> {
        let weight = weight.parse().map_err(Refusal::Malformed)?;
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name: Rc<str> = name.into();
        let note = Note { name: Rc::clone(&name), text: text.trim().to_owned(), weight, at };
        let before = self.kept.insert(name, note);
        Ok(format!("{}\n", if before.is_some() { "changed" } else { "kept" }))
    }

    fn words(&self) -> String {
        let texts = self.kept.values().flat_map(|note| note.text.split_whitespace());
        let words: HashSet<String> = texts.map(str::to_lowercase).collect();
        let mut words: Vec<&String> = words.iter().collect();
        words.sort_by_key(|word| (std::cmp::Reverse(word.len()), word.as_str()));
        words.iter().map(|word| format!("{}\n", word)).collect()
    }

    fn heaviest(&self) -> Option<&Note> {
        self.kept.values().max_by(|one, other| one.weight.total_cmp(&other.weight))
    }
}

fn serve(notes: &mut Notes, stream: &mut TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut body_len = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        match line.split_once(':') {
            Some(("content-length", len)) => body_len = len.trim().parse().unwrap_or(0),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; body_len];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (status, answer) = match notes.answer(method, path, &String::from_utf8_lossy(&body)) {
        Ok(answer) => ("200 OK", answer),
        Err(refusal) => ("400 Bad Request", refusal.to_string()),
    };
    write!(
        reader.into_inner(),
        "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        status,
        answer.len(),
        answer
    )
}

fn main() {
    // SAFETY: the listener is there from the start, and nobody else has it.
    let listener = unsafe { TcpListener::from_raw_fd(3) };
    let mut notes = Notes::default();
    println!("listening");
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                if let Err(problem) = serve(&mut notes, &mut stream) {
                    eprintln!("a connection is lost: {}", problem);
                }
            }
            Err(problem) => eprintln!("no connection: {}", problem),
        }
    }
}
