;; A lane stored outside.
;; trap: out of bounds memory access
;; function: culprit
;; operator: V128Store32Lane
(module
  (memory 1)
  (func $culprit
    (v128.store32_lane 3 (i32.const 65534) (v128.const i32x4 1 2 3 4)))
  (func (export "_start") (call $culprit)))
