;; Divides by zero, three calls deep.
(module
  (memory (export "memory") 1)
  (func $divide (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  (func $work (param i32) (result i32)
    (i32.add (i32.const 1) (call $divide (i32.const 1) (local.get 0))))
  (func (export "_start")
    (drop (call $work (i32.load (i32.const 0))))))
