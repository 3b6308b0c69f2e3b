//! A sign of life for work that takes longer than a second; on a terminal only.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt::{Holding, hold};

/// Work shorter than this passes in silence.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does `work`; shows `what` while it takes long.
pub(super) fn during<T>(what: String, work: impl FnOnce() -> T) -> T {
    if !console::Term::stderr().features().is_attended() {
        return work();
    }
    let (done, is_done) = channel::<()>();
    let watcher = std::thread::spawn(move || {
        if is_done.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let _cursor = hold(Holding::HiddenCursor);
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = if console::colors_enabled_stderr() {
            "{spinner:.cyan} "
        } else {
            "{spinner} "
        };
        if let Ok(style) = ProgressStyle::with_template(&format!("{style}{{msg}} {{elapsed}}")) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        // Ends when the other end is dropped.
        let _ = is_done.recv();
        bar.finish_and_clear();
    });
    let result = work();
    drop(done);
    // The line has to be gone before anything else is written. The thread can't fail.
    let _ = watcher.join();
    result
}
