;; A float that no i32 can hold.
;; trap: integer overflow
;; function: culprit
;; operator: I32TruncF64S
(module
  (func $culprit (param f64)
    (drop (i32.trunc_f64_s (local.get 0))))
  (func (export "_start") (call $culprit (f64.const 1e10))))
