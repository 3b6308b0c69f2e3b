//! An account that is overdrawn, which is noticed only afterwards: for a debugger to go back from a panic.

struct Account {
    owner: String,
    balance: i64,
}

fn fee(amount: i64) -> i64 {
    let tenth = amount / 10;
    tenth + 1
}

fn pay(account: &mut Account, amount: i64) {
    account.balance -= amount;
}

fn settle(account: &mut Account, amounts: &[i64]) {
    for amount in amounts {
        let extra = fee(*amount);
        pay(account, *amount + extra);
    }
}

fn main() {
    let mut account = Account {
        owner: "Ada".to_string(),
        balance: 100,
    };
    settle(&mut account, &[10, 30, 70]);
    let owed = -account.balance;
    assert!(owed <= 0, "{} owes {owed}", account.owner);
}
