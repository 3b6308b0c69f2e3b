//! Answers of HTTP, as they come: whole or not yet.

/// Fields of a head that are looked at.
const FIELDS_MAX: usize = 64;

/// Status and body of the answer in `bytes`, when all of it is there; `has_ended` says that no more will come.
pub(crate) fn whole(bytes: &[u8], has_ended: bool) -> Option<(u16, String)> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head_bytes) = head.parse(bytes).ok()? else {
        return None;
    };
    let body = &bytes[head_bytes..];
    let field = |name: &str| {
        let mut fields = head.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    let body = if field("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        chunked(body)?
    } else if let Some(len) = field("content-length") {
        body.get(..len.trim().parse().ok()?)?.to_vec()
    } else if has_ended {
        body.to_vec()
    } else {
        return None;
    };
    Some((head.code?, String::from_utf8_lossy(&body).into_owned()))
}

/// A body in chunks, when the last one is there.
fn chunked(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((start, len)) = httparse::parse_chunk_size(bytes).ok()?
        else {
            return None;
        };
        let len = usize::try_from(len).ok()?;
        if len == 0 {
            return Some(body);
        }
        body.extend(bytes.get(start..start.checked_add(len)?)?);
        // A line's end stands behind each.
        bytes = bytes.get(start + len + 2..)?;
    }
}
