;; The least integer has no negative.
;; trap: integer overflow
;; function: culprit
;; operator: I64DivS
(module
  (func $culprit (param i64)
    (drop (i64.div_s (i64.const 0x8000000000000000) (local.get 0))))
  (func (export "_start") (call $culprit (i64.const -1))))
