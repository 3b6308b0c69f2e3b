;; i64.rem_s
;; trap: integer divide by zero
;; function: culprit
;; operator: I64RemS
(module
  (func $culprit (param i64)
    (drop (i64.rem_s (i64.const 1) (local.get 0))))
  (func (export "_start") (call $culprit (i64.const 0))))
