;; The first byte after the memory.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I32Store8
(module
  (memory 1)
  (func $culprit (i32.store8 (i32.const 65536) (i32.const 1)))
  (func (export "_start") (call $culprit)))
