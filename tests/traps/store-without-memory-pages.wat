;; A memory of no pages has no byte.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I32Store
(module
  (memory 0 1)
  (func $culprit (i32.store (i32.const 0) (i32.const 1)))
  (func (export "_start") (call $culprit)))
