//! Values of Rust for a debugger to show.

struct Item {
    name: String,
    count: u32,
    shape: Shape,
}

enum Shape {
    Circle(u32),
    Square { side: u32 },
}

fn area(shape: &Shape) -> u32 {
    match shape {
        Shape::Circle(radius) => 3 * radius * radius,
        Shape::Square { side } => side * side,
    }
}

fn total(items: &[Item], label: &str) -> u32 {
    let mut sum = 0;
    for item in items {
        sum += item.count + area(&item.shape) + item.name.len() as u32;
    }
    println!("{label}: {sum}");
    sum
}

fn main() {
    let items = vec![
        Item {
            name: "pen".to_string(),
            count: 3,
            shape: Shape::Circle(1),
        },
        Item {
            name: "cup".to_string(),
            count: 4,
            shape: Shape::Square { side: 2 },
        },
    ];
    let pair = (total(&items, "sum"), true);
    std::process::exit(if pair == (20, true) { 7 } else { 8 });
}
