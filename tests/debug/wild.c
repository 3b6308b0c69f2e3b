// A name that is too long for its place, and is missed only much later.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account {
    char name[16];
    int balance;
};

static struct account accounts[2];

static void rename_account(struct account *account, const char *name) {
    for (size_t i = 0; i <= strlen(name); i++)
        account->name[i] = name[i];
}

static void deposit(struct account *account, int amount) {
    account->balance += amount;
}

static int audit(struct account *account) {
    if (account->balance > 1000)
        abort();
    return account->balance;
}

int main(void) {
    for (int i = 0; i < 20; i++)
        deposit(&accounts[i % 2], 1);
    printf("%d\n", audit(&accounts[0]));
    rename_account(&accounts[0], "Ada, the countess of Lovelace");
    for (int i = 0; i < 20000; i++)
        deposit(&accounts[1], i % 2);
    return audit(&accounts[0]);
}
