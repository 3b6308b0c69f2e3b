//! An HTTP API of notes: JSON, routes, and notes that outlive the program.

mod http;
mod store;

use http::{Answer, Request};
use serde_json::{json, Value};
use store::Store;

/// Longest text of a note.
const TEXT_BYTES_MAX: usize = 10_000;

fn main() -> std::io::Result<()> {
    let mut store = Store::open("/data/notes.json")?;
    http::serve(|request| route(&mut store, request))
}

/// Your application: what answers which method and path.
fn route(store: &mut Store, request: &Request) -> Answer {
    let path: Vec<_> = request.path.trim_matches('/').split('/').collect();
    let answer = match (request.method, &path[..]) {
        ("GET", [""]) => Ok(Answer::text("200 OK", "notes: GET and POST /notes, GET, PUT and DELETE /notes/ID\n")),
        ("GET", ["notes"]) => Ok(Answer::json("200 OK", &store.all())),
        ("POST", ["notes"]) => text_of(request).and_then(|text| add(store, text)),
        ("GET", ["notes", id]) => known(store, id).map(|id| Answer::json("200 OK", &store.note(id))),
        ("PUT", ["notes", id]) => known(store, id).and_then(|id| {
            let text = text_of(request)?;
            store.change(id, Some(text)).map_err(broken)?;
            Ok(Answer::json("200 OK", &store.note(id)))
        }),
        ("DELETE", ["notes", id]) => known(store, id).and_then(|id| {
            store.change(id, None).map_err(broken)?;
            Ok(Answer::empty("204 No Content"))
        }),
        (_, [""] | ["notes"] | ["notes", _]) => Err(refusal("405 Method Not Allowed", "no such method here")),
        _ => Err(refusal("404 Not Found", "there is nothing here")),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn add(store: &mut Store, text: String) -> Result<Answer, Answer> {
    let id = store.add(text).map_err(broken)?;
    Ok(Answer::json("201 Created", &store.note(id)).with("Location", format!("/notes/{id}")))
}

/// The number of a note that is there.
fn known(store: &Store, id: &str) -> Result<u64, Answer> {
    let id = id.parse().ok().filter(|id| store.has(*id));
    id.ok_or_else(|| refusal("404 Not Found", "there is no such note"))
}

/// The text in a request's body, `{"text": "…"}`.
fn text_of(request: &Request) -> Result<String, Answer> {
    let body: Value = serde_json::from_slice(request.body)
        .map_err(|problem| refusal("400 Bad Request", &format!("the body is no JSON: {problem}")))?;
    match body["text"].as_str() {
        Some(text) if (1..=TEXT_BYTES_MAX).contains(&text.len()) => Ok(text.to_owned()),
        _ => Err(refusal("422 Unprocessable Entity", "a note has a `text`, of 1 to 10000 bytes")),
    }
}

/// The notes could not be written: the details are for the log, not for the client.
fn broken(problem: std::io::Error) -> Answer {
    eprintln!("cannot keep the notes: {problem}");
    refusal("500 Internal Server Error", "the notes cannot be kept")
}

fn refusal(status: &'static str, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}
