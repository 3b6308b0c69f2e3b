;; A memory of ten bytes ends after ten bytes, though the processor's page does not.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I32Load
(module
  (memory 10 (pagesize 1))
  (func $culprit
    (drop (i32.load (i32.const 7))))
  (func (export "_start")
    (drop (i32.load (i32.const 6)))
    (call $culprit)))
