//! What a machine has said on its console and nobody has passed on yet.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long is waited for who passes it on; their reader may stand still.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often is looked.
const PAUSE: Duration = Duration::from_micros(200);

/// The console of a machine, seen by others than its [`session`](super::session).
#[derive(Debug)]
pub struct Output {
    console: UnixStream,
    /// Held while what was read is passed on.
    reading: Arc<Mutex<()>>,
}

impl Output {
    pub(super) fn new(console: &UnixStream, reading: &Arc<Mutex<()>>) -> io::Result<Self> {
        Ok(Self {
            console: console.try_clone()?,
            reading: Arc::clone(reading),
        })
    }

    /// Waits until all is passed on that the machine has said before now.
    pub(super) fn wait_passed_on(&self) {
        let end = Instant::now() + PATIENCE;
        while !self.is_passed_on() && Instant::now() < end {
            std::thread::sleep(PAUSE);
        }
    }

    fn is_passed_on(&self) -> bool {
        // One that panicked passes nothing on any more.
        let reading = self.reading.try_lock();
        reading.is_ok() && rustix::io::ioctl_fionread(&self.console).is_ok_and(|bytes| bytes == 0)
    }
}
