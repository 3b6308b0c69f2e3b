;; A copy from outside.
;; trap: out of bounds memory access
;; function: culprit
;; operator: MemoryCopy
(module
  (memory 1)
  (func $culprit
    (memory.copy (i32.const 0) (i32.const 65530) (i32.const 100)))
  (func (export "_start") (call $culprit)))
