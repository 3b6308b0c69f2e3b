/* SQLite on a database in memory: inserts, an index, joins, sorts, aggregates, text. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sqlite3.h"

static int rows, failures;
static uint32_t sum;

static void run(sqlite3 *database, const char *text) {
    sqlite3_stmt *statement = NULL;
    while (*text != 0 && sqlite3_prepare_v2(database, text, -1, &statement, &text) == SQLITE_OK && statement != NULL) {
        int status;
        while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
            rows++;
            for (int i = 0; i < sqlite3_column_count(statement); i++) {
                const unsigned char *value = sqlite3_column_text(statement, i);
                for (; value != NULL && *value != 0; value++) sum = sum * 31 + *value;
            }
        }
        failures += status != SQLITE_DONE;
        sqlite3_finalize(statement);
    }
    if (sqlite3_errcode(database) != SQLITE_OK && sqlite3_errcode(database) != SQLITE_DONE) {
        printf("%s\n", sqlite3_errmsg(database));
        failures++;
    }
}

/* --- An operating system without files: nothing but memory databases works. --- */

static int refuse(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *got) {
    (void)vfs, (void)name, (void)flags, (void)got;
    file->pMethods = NULL;
    return SQLITE_CANTOPEN;
}

static int no_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    (void)vfs, (void)name, (void)sync;
    return SQLITE_OK;
}

static int no_access(sqlite3_vfs *vfs, const char *name, int flags, int *out) {
    (void)vfs, (void)name, (void)flags;
    *out = 0;
    return SQLITE_OK;
}

static int same_name(sqlite3_vfs *vfs, const char *name, int bytes, char *out) {
    (void)vfs;
    strncpy(out, name, (size_t)bytes - 1);
    out[bytes - 1] = 0;
    return SQLITE_OK;
}

static int no_randomness(sqlite3_vfs *vfs, int bytes, char *out) {
    (void)vfs;
    for (int i = 0; i < bytes; i++) out[i] = (char)(i * 37 + 1);
    return bytes;
}

static int no_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int one_day(sqlite3_vfs *vfs, double *out) {
    (void)vfs;
    *out = 2460000.5;
    return SQLITE_OK;
}

int sqlite3_os_init(void) {
    static sqlite3_vfs vfs = {
        .iVersion = 1,
        .szOsFile = sizeof(sqlite3_file),
        .mxPathname = 64,
        .zName = "none",
        .xOpen = refuse,
        .xDelete = no_delete,
        .xAccess = no_access,
        .xFullPathname = same_name,
        .xRandomness = no_randomness,
        .xSleep = no_sleep,
        .xCurrentTime = one_day,
    };
    return sqlite3_vfs_register(&vfs, 1);
}

int sqlite3_os_end(void) { return SQLITE_OK; }

int main(void) {
    sqlite3 *database = NULL;
    if (sqlite3_open(":memory:", &database) != SQLITE_OK) return 1;
    run(database,
        "PRAGMA temp_store = MEMORY;"
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, amount REAL, note TEXT);"
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT);"
        "BEGIN;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
        " INSERT INTO customers SELECT i, printf('customer %05d', (i * 7919) % 2003), 'city ' || (i % 37) FROM n;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 110000)"
        " INSERT INTO orders SELECT i, (i * 7919) % 2000 + 1, (i * 31 % 1009) / 7.0, 'order of ' || hex(i * 2654435761 % 65536) FROM n;"
        "COMMIT;"
        "CREATE INDEX by_customer ON orders (customer);"
        "CREATE INDEX by_city ON customers (city, name);"
        "SELECT city, count(*), round(sum(amount), 2), max(note) FROM orders JOIN customers ON customers.id = customer"
        " GROUP BY city ORDER BY 3 DESC;"
        "SELECT count(*) FROM orders WHERE note LIKE '%AB%' OR note GLOB '*[0-9]F*';"
        "SELECT note, amount FROM orders ORDER BY amount DESC, note LIMIT 50;"
        "UPDATE orders SET amount = amount * 1.1 WHERE customer IN (SELECT id FROM customers WHERE city = 'city 5');"
        "DELETE FROM orders WHERE id % 11 = 3;"
        "SELECT name, (SELECT count(*) FROM orders WHERE customer = customers.id) AS c FROM customers ORDER BY c DESC, name LIMIT 20;"
        "SELECT a.city, count(DISTINCT b.amount) FROM customers a JOIN orders b ON b.customer = a.id WHERE b.amount > 70 GROUP BY 1;"
        "SELECT sum(length(note)), avg(amount), total(substr(note, 10, 2) = 'A1'), count(DISTINCT note) FROM orders;");
    sqlite3_close(database);
    printf("%d rows, %d failures, %08x\n", rows, failures, sum);
    return failures != 0;
}
