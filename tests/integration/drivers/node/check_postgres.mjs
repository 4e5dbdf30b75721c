// Postgres.js (postgres) with its defaults, pipelining and statement cache on.
import postgres from "postgres";

const sql = postgres({ max: 3 });
const table = sql(process.env.TEST_TABLE);
const seen = {};
seen.sum = (await sql`SELECT ${41}::int + 1 AS n`)[0].n;
seen.named = [];
for (let turn = 0; turn < 6; turn += 1) {
  seen.named.push((await sql`SELECT ${turn}::int * 2 AS n`)[0].n);
}
try {
  await sql`SELECT nosuch`;
} catch (error) {
  seen.error = error.code;
}
try {
  await sql.begin(async (inner) => {
    await inner`INSERT INTO ${table} VALUES (1, 'x')`;
    throw new Error("roll back");
  });
} catch {
  seen.rows = (await sql`SELECT count(*)::int AS n FROM ${table}`)[0].n;
}
seen.many = (await Promise.all(
  Array.from({ length: 30 }, (_, n) => sql`SELECT ${n}::int AS n`),
)).map((found) => found[0].n);
const total = [];
await sql.begin(async (inner) => {
  for await (const rows of inner`SELECT generate_series(1, 100)::int AS n`.cursor(7)) {
    total.push(...rows.map((row) => row.n));
  }
});
seen.cursor = total.reduce((sum, n) => sum + n, 0);
await sql.end();
console.log(JSON.stringify(seen));
