//! A file's number in a session, given back to the server when it is dropped.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::super::errno::Errno;
use super::session::{Session, SharedSession};
use super::wire::{NO_FID, NO_ID, Qid, Request};

/// Most names of one walk: `P9_MAXWELEM` of Linux.
pub(super) const WALK_NAMES_MAX: usize = 16;

/// A fid that the server knows.
pub(super) struct Fid {
    session: SharedSession,
    number: u32,
}

/// An answer to a request for a fid.
struct Answer<T> {
    /// Whether the server knows the fid after that.
    is_known: bool,
    content: T,
}

impl Fid {
    /// The root of what the server shows.
    pub(super) fn attach(session: &SharedSession) -> Result<(Self, Qid), Errno> {
        let (fid, qid) = Self::obtain(session, |inner, number| {
            let mut reply = inner.call(Request::Attach, |request| {
                request
                    .u32(number)
                    .u32(NO_FID)
                    .text(b"")
                    .text(b"")
                    .u32(NO_ID);
            })?;
            Ok(Answer {
                is_known: true,
                content: reply.qid()?,
            })
        })?;
        Ok((fid.ok_or(Errno::Io)?, qid))
    }

    /// A second fid for the same file.
    pub(super) fn duplicate(&self) -> Result<Self, Errno> {
        let (fid, _) = self.walk_all(&[])?;
        fid.ok_or(Errno::Io)
    }

    /// A fid for what `name` in this directory stands for.
    pub(super) fn walk(&self, name: &[u8]) -> Result<(Self, Qid), Errno> {
        let (fid, qids) = self.walk_all(&[name])?;
        match (fid, qids.first()) {
            (Some(fid), Some(qid)) => Ok((fid, *qid)),
            // The walk ended early, so there is no such file.
            _ => Err(Errno::Noent),
        }
    }

    /// What each of `names`, at most [`WALK_NAMES_MAX`], stands for, one below the other, as far as they lead; a fid for
    /// the last if all do.
    pub(super) fn walk_all(&self, names: &[&[u8]]) -> Result<(Option<Self>, Vec<Qid>), Errno> {
        let names = &names[..names.len().min(WALK_NAMES_MAX)];
        Self::obtain(&self.session, |inner, number| {
            let mut reply = inner.call(Request::Walk, |request| {
                request.u32(self.number).u32(number);
                request.u16(names.len() as u16);
                for name in names {
                    request.text(name);
                }
            })?;
            let count = usize::from(reply.u16()?);
            if count > names.len() {
                return Err(Errno::Io);
            }
            let mut content = Vec::new();
            for _ in 0..count {
                content.push(reply.qid()?);
            }
            Ok(Answer {
                is_known: count == names.len(),
                content,
            })
        })
    }

    /// Asks the server to make a fid known.
    fn obtain<T>(
        session: &SharedSession,
        ask: impl FnOnce(&mut Session, u32) -> Result<Answer<T>, Errno>,
    ) -> Result<(Option<Self>, T), Errno> {
        let mut inner = session.borrow_mut();
        let number = inner.take_fid()?;
        match ask(&mut inner, number) {
            Ok(answer) if answer.is_known => {
                let fid = Self {
                    session: Rc::clone(session),
                    number,
                };
                Ok((Some(fid), answer.content))
            }
            Ok(answer) => {
                inner.return_fid(number);
                Ok((None, answer.content))
            }
            Err(errno) => {
                if errno == Errno::Io {
                    // An answer that makes no sense: the server may know the fid all the same.
                    clunk(&mut inner, number);
                } else {
                    inner.return_fid(number);
                }
                Err(errno)
            }
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn session(&self) -> &SharedSession {
        &self.session
    }
}

impl Drop for Fid {
    fn drop(&mut self) {
        clunk(&mut self.session.borrow_mut(), self.number);
    }
}

/// Gives a fid back.
fn clunk(session: &mut Session, number: u32) {
    // Whatever the server answers, the fid is not in use after this.
    let _ = session.call(Request::Clunk, |request| {
        request.u32(number);
    });
    session.return_fid(number);
}
