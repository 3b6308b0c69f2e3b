;; Growing makes one page valid, not two.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I32Load
(module
  (memory 1)
  (func $culprit
    (i32.store (i32.const 131068) (i32.const 7))
    (drop (i32.load (i32.const 131072))))
  (func (export "_start") (drop (memory.grow (i32.const 1))) (call $culprit)))
