//! A flame graph: a file for any browser, with its own zoom and search.
//!
//! Ours, since the library that others use for this stands under a licence (CDDL) that the rest of mewz does not.

use std::fmt::Write as _;

use super::frames::{Frame, World};
use super::stacks::Stacks;
use crate::cli::words;

/// Height of a frame, and of what stands above and below all frames, in pixels.
const FRAME_HEIGHT: usize = 18;
const MARGIN_TOP: usize = 44;
const MARGIN_BOTTOM: usize = 26;

/// Frames of a smaller part of the whole are left out: they would be narrower than a pixel.
const PART_LEAST: f64 = 0.0004;

const STYLE: &str = "\
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1b1b1b; pointer-events: none }
#title { font-size: 16px }
.button { pointer-events: all; cursor: pointer; fill: #555 }
.f { cursor: pointer }
.f:hover rect { stroke: #1b1b1b }
.f.found rect { fill: #d857d8 }
.program rect { fill: #f4b860 } .library rect { fill: #e8d5a2 } .wasi rect { fill: #8fc98a } .kernel rect { fill: #8db4dd }";

const SCRIPT: &str = include_str!("flame.js");

/// A frame as it is drawn: the samples from `start` on, `count` of them.
struct Drawn<'a> {
    frame: &'a Frame,
    depth: usize,
    start: u64,
    count: u64,
}

/// The flame graph of `stacks`.
pub(super) fn text(stacks: &Stacks, title: &str) -> String {
    let (drawn, all) = draw(stacks);
    let depths = drawn.iter().map(|drawn| drawn.depth + 1).max().unwrap_or(0);
    let height = MARGIN_TOP + depths * FRAME_HEIGHT + MARGIN_BOTTOM;
    let mut text = format!(
        "<?xml version=\"1.0\" standalone=\"no\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{height}\">\n\
         <style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fbfaf8\"/>\n\
         <text id=\"title\" x=\"50%\" y=\"24\" text-anchor=\"middle\">{}</text>\n\
         <text id=\"reset\" class=\"button\" x=\"8\" y=\"24\" style=\"display:none\">reset zoom</text>\n\
         <text id=\"search\" class=\"button\" x=\"100%\" dx=\"-8\" y=\"24\" text-anchor=\"end\">search</text>\n\
         <text id=\"told\" x=\"8\" y=\"{}\"></text>\n",
        escape(&words::name(title)),
        height - 8
    );
    for Drawn {
        frame,
        depth,
        start,
        count,
    } in drawn
    {
        let (x, width) = (start as f64 / all as f64, count as f64 / all as f64);
        if width < PART_LEAST {
            continue;
        }
        let y = height - MARGIN_BOTTOM - (depth + 1) * FRAME_HEIGHT;
        let name = escape(&frame.name);
        let class = match frame.world {
            World::Application => "program",
            World::Library => "library",
            World::Wasi => "wasi",
            World::Kernel => "kernel",
        };
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "<svg class=\"f {class}\" x=\"{:.4}%\" y=\"{y}\" width=\"{:.4}%\" height=\"{}\" data-x=\"{x:.9}\" data-w=\"{width:.9}\" data-d=\"{depth}\">\
             <title>{name}: {count} samples, {:.1} %</title><rect width=\"100%\" height=\"100%\" rx=\"1\"/><text x=\"3\" y=\"13\">{name}</text></svg>",
            100.0 * x,
            100.0 * width,
            FRAME_HEIGHT - 1,
            100.0 * width
        );
    }
    text + "<script><![CDATA[\n" + SCRIPT + "]]></script>\n</svg>\n"
}

/// The frames of all stacks, equal ones side by side made one; and how many samples there are.
fn draw(stacks: &Stacks) -> (Vec<Drawn<'_>>, u64) {
    let mut drawn: Vec<Drawn<'_>> = Vec::new();
    // Places in `drawn` of the frames of the stack before.
    let mut open: Vec<usize> = Vec::new();
    let mut all = 0;
    for (stack, count) in stacks.iter() {
        let common = open
            .iter()
            .zip(stack)
            .take_while(|(at, frame)| drawn.get(**at).is_some_and(|drawn| drawn.frame == *frame))
            .count();
        open.truncate(common);
        for at in &open {
            if let Some(drawn) = drawn.get_mut(*at) {
                drawn.count += count;
            }
        }
        for (depth, frame) in stack.iter().enumerate().skip(common) {
            open.push(drawn.len());
            drawn.push(Drawn {
                frame,
                depth,
                start: all,
                count,
            });
        }
        all += count;
    }
    (drawn, all)
}

/// Text as XML takes it: its own characters replaced, control characters left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            _ if character.is_control() => {}
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::stacks::tests::stacks;
    use super::{draw, escape, text};

    #[test]
    fn equal_frames_side_by_side_are_one() {
        let stacks = stacks(&[(&["main", "f"], 1), (&["main", "g"], 2), (&["other"], 1)]);
        let (drawn, all) = draw(&stacks);
        let drawn: Vec<_> = drawn
            .iter()
            .map(|drawn| (&*drawn.frame.name, drawn.depth, drawn.start, drawn.count))
            .collect();
        assert_eq!(all, 4);
        assert_eq!(
            drawn,
            [
                ("main", 0, 0, 3),
                ("f", 1, 0, 1),
                ("g", 1, 1, 2),
                ("other", 0, 3, 1)
            ]
        );
    }

    #[test]
    fn names_cant_break_the_file() {
        assert_eq!(escape("a<b>&\"\u{7}"), "a&lt;b&gt;&amp;&quot;");
        let text = text(&stacks(&[(&["</title><script>"], 1)]), "]]><x>");
        assert_eq!(text.matches("<script>").count(), 1);
        assert_eq!(text.matches("]]>").count(), 1);
    }
}
