;; The start function runs before `_start` and may trap too.
;; trap: unreachable
;; function: begin
;; operator: Unreachable
(module
  (func $begin unreachable)
  (start $begin)
  (func (export "_start")))
