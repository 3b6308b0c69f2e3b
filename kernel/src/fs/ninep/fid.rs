//! A file's number in a session, given back to the server when it is dropped.

use alloc::rc::Rc;

use super::super::errno::Errno;
use super::session::{Session, SharedSession};
use super::wire::{NO_FID, NO_ID, Qid, Request};

/// A fid that the server knows.
pub(super) struct Fid {
    session: SharedSession,
    number: u32,
}

impl Fid {
    /// The root of what the server shows.
    pub(super) fn attach(session: SharedSession) -> Result<(Self, Qid), Errno> {
        Self::obtain(&session, |inner, number| {
            inner
                .call(Request::Attach, |request| {
                    request
                        .u32(number)
                        .u32(NO_FID)
                        .text(b"")
                        .text(b"")
                        .u32(NO_ID);
                })?
                .qid()
        })
    }

    /// A second fid for the same file.
    pub(super) fn duplicate(&self) -> Result<Self, Errno> {
        let (fid, ()) = Self::obtain(&self.session, |inner, number| {
            let mut reply = inner.call(Request::Walk, |request| {
                request.u32(self.number).u32(number).u16(0);
            })?;
            if reply.u16()? == 0 {
                Ok(())
            } else {
                Err(Errno::Io)
            }
        })?;
        Ok(fid)
    }

    /// A fid for what `name` in this directory stands for.
    pub(super) fn walk(&self, name: &[u8]) -> Result<(Self, Qid), Errno> {
        Self::obtain(&self.session, |inner, number| {
            let mut reply = inner.call(Request::Walk, |request| {
                request.u32(self.number).u32(number).u16(1).text(name);
            })?;
            match reply.u16()? {
                1 => reply.qid(),
                // The walk ended early, so there is no such file, and no new fid.
                0 => Err(Errno::Noent),
                _ => Err(Errno::Io),
            }
        })
    }

    /// Asks the server to make a fid known; takes its number back where it does not.
    fn obtain<T>(
        session: &SharedSession,
        ask: impl FnOnce(&mut Session, u32) -> Result<T, Errno>,
    ) -> Result<(Self, T), Errno> {
        let mut inner = session.borrow_mut();
        let number = inner.take_fid()?;
        match ask(&mut inner, number) {
            Ok(answer) => Ok((
                Self {
                    session: Rc::clone(session),
                    number,
                },
                answer,
            )),
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
