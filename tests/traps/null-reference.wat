;; A call of a reference that is null.
;; trap: null reference
;; function: culprit
;; operator: CallRef
(module
  (type $nothing (func))
  (func $culprit (param (ref null $nothing)) (call_ref $nothing (local.get 0)))
  (func (export "_start") (call $culprit (ref.null $nothing))))
