;; A negative float to an unsigned integer.
;; trap: integer overflow
;; function: culprit
;; operator: I64TruncF32U
(module
  (func $culprit (param f32)
    (drop (i64.trunc_f32_u (local.get 0))))
  (func (export "_start") (call $culprit (f32.const -1))))
