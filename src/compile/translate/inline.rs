//! Bodies that become part of their callers, and where the code in them comes from.
//!
//! A call is replaced by its callee's body while it is translated: parameters are fresh locals, `return` goes behind the
//! call. So all that is known of the arguments is known in the body, and traps there have the body's own offsets.

use cranelift_codegen::ir::{InstBuilder, SourceLoc, Value};
use wasmparser::FunctionBody;

use super::control::Frame;
use super::translator::Translator;
use crate::compile::module::FunctionType;
use crate::compile::whole::Multiplication;

/// The first source location that is no offset in the module: modules are smaller.
const LOCATIONS_START: u32 = 1 << 31;

/// A body that became part of another function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::compile) struct InlinedBody {
    /// Its function.
    pub(in crate::compile) function: u32,
    /// Offset in the module of the call that it replaces.
    pub(in crate::compile) call_offset: u32,
    /// The body that the call stands in, by its place among the bodies; `None` for the function itself.
    pub(in crate::compile) caller: Option<u32>,
    /// The source location of its first byte.
    location: u32,
    /// Offset in the module of its first byte.
    start: u32,
}

/// The bodies that became part of one function, each with a range of source locations of its own.
#[derive(Debug, Default)]
pub(in crate::compile) struct InlinedBodies {
    bodies: Vec<InlinedBody>,
    /// The body that is being translated.
    current: Option<u32>,
    /// Bytes of source locations that are taken.
    taken: u32,
}

impl InlinedBodies {
    /// The source location of the operator at `offset` of the body that is being translated.
    pub(super) fn location(&self, offset: u32) -> SourceLoc {
        SourceLoc::new(match self.current {
            None => offset,
            Some(current) => {
                let body = &self.bodies[current as usize];
                body.location + (offset - body.start)
            }
        })
    }

    /// Whether it is the function's own body that is being translated.
    pub(super) fn is_outermost(&self) -> bool {
        self.current.is_none()
    }

    /// The bodies; callers come before those that are part of them.
    pub(in crate::compile) fn bodies(&self) -> &[InlinedBody] {
        &self.bodies
    }

    /// What a source location stands for: the place of its body among the bodies, and its offset in the module.
    pub(in crate::compile) fn resolve(&self, location: SourceLoc) -> (Option<u32>, u32) {
        let bits = location.bits();
        if bits < LOCATIONS_START {
            return (None, bits);
        }
        let after = self.bodies.partition_point(|body| body.location <= bits);
        let at = after - 1;
        let body = &self.bodies[at];
        (Some(at as u32), bits - body.location + body.start)
    }
}

impl Translator<'_> {
    /// Whether the call that is being translated becomes its callee's body.
    pub(super) fn is_inlined_here(&self) -> bool {
        let inlining = self.context.inlining;
        inlining.is_some_and(|inlining| {
            inlining.is_inlined(self.offset)
                || (self.inlined.current.is_none() && inlining.is_unrolled(self.offset))
        })
    }
}

impl<'a> Translator<'a> {
    /// Translates the body of function `index` in place of its call; leaves the results on the stack.
    pub(super) fn inline(&mut self, index: u32, ty: &'a FunctionType, arguments: &[Value]) {
        let module = self.context.module;
        let body = &module.bodies[(index - module.functions_imported) as usize];
        let range = body.range();
        let (offset, caller) = (self.offset, self.inlined.current);
        self.inlined.bodies.push(InlinedBody {
            function: index,
            call_offset: offset,
            caller,
            location: LOCATIONS_START + self.inlined.taken,
            start: range.start as u32,
        });
        self.inlined.taken += (range.end - range.start) as u32;
        self.inlined.current = Some(self.inlined.bodies.len() as u32 - 1);
        let inlining = self.context.inlining;
        match inlining.and_then(|inlining| inlining.multiplication(index)) {
            Some(multiplication) => self.multiply(multiplication, arguments),
            None => self.inline_body(ty, body, arguments),
        }
        self.inlined.current = caller;
        self.offset = offset;
    }

    fn inline_body(&mut self, ty: &'a FunctionType, body: &FunctionBody<'a>, arguments: &[Value]) {
        let locals = std::mem::take(&mut self.locals);
        let outer_frame = std::mem::replace(&mut self.body_frame, self.frames.len());

        self.declare_inlined(arguments, body)
            .expect("validation has read the locals");
        let height = self.stack.len();
        self.frames.push(Frame::function(&ty.results, height));
        // Should the function ask too much of the code generator, the caller notices at once.
        let _ = self.operators(body);

        self.body_frame = outer_frame;
        self.locals = locals;
    }

    /// The product of two numbers of 128 bits, low halves first behind the address that it is stored at.
    fn multiply(&mut self, multiplication: &Multiplication, arguments: &[Value]) {
        let [address, a, a_high, b, b_high] = *arguments else {
            unreachable!("the function's type was looked at");
        };
        let low = self.ins().imul(a, b);
        let carried = self.ins().umulhi(a, b);
        let crosswise = [(a, b_high), (a_high, b)].map(|(x, y)| self.ins().imul(x, y));
        let added = self.ins().iadd(crosswise[0], crosswise[1]);
        let high = self.ins().iadd(carried, added);
        for store in &multiplication.stores {
            self.builder.set_srcloc(self.inlined.location(store.offset));
            self.push(address);
            self.push(if store.is_high { high } else { low });
            self.store(&store.argument);
        }
    }
}
