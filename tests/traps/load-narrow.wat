;; A byte far from the memory's end.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I32Load8U
(module
  (memory 1)
  (func $culprit (drop (i32.load8_u (i32.const 0x7fffffff))))
  (func (export "_start") (call $culprit)))
