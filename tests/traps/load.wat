;; The last byte of four lies outside.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I32Load
(module
  (memory 1)
  (func $culprit (drop (i32.load (i32.const 65533))))
  (func (export "_start") (call $culprit)))
