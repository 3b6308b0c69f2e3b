;; NaN is no integer.
;; trap: invalid conversion to integer
;; function: culprit
;; operator: I32TruncF32U
(module
  (func $culprit (param f32)
    (drop (i32.trunc_f32_u (local.get 0))))
  (func (export "_start") (call $culprit (f32.const nan))))
