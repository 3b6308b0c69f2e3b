;; i32.div_u in a body that became part of another, which became part of a third.
;; trap: integer divide by zero
;; function: culprit
;; operator: I32DivU
;; callers: middle outer _start
;; flags: --opt 2
(module
  (func $culprit (param i32) (result i32)
    (i32.div_u (i32.const 1) (local.get 0)))
  (func $harmless (param i32) (result i32)
    (i32.xor (i32.const 1) (local.get 0)))
  (func $middle (param i32) (result i32)
    (i32.add (i32.const 1) (call $culprit (local.get 0))))
  (func $outer (param i32) (result i32)
    (i32.sub (call $middle (local.get 0)) (call $harmless (local.get 0))))
  (func $_start (export "_start")
    (drop (call $outer (i32.const 0)))))
