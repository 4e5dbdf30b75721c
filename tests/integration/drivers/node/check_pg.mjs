// node-postgres (pg) with its defaults: one line of JSON with what was seen.
import pg from "pg";

const pool = new pg.Pool({ max: 3 });
const seen = {};
seen.sum = (await pool.query("SELECT $1::int + 1 AS n", [41])).rows[0].n;
seen.named = [];
for (let turn = 0; turn < 6; turn += 1) {
  const found = await pool.query({ name: "twice", text: "SELECT $1::int * 2 AS n", values: [turn] });
  seen.named.push(found.rows[0].n);
}
try {
  await pool.query("SELECT nosuch");
} catch (error) {
  seen.error = error.code;
}
const client = await pool.connect();
await client.query("BEGIN");
await client.query(`INSERT INTO ${process.env.TEST_TABLE} VALUES (1, 'x')`);
await client.query("ROLLBACK");
client.release();
seen.rows = (await pool.query(`SELECT count(*)::int AS n FROM ${process.env.TEST_TABLE}`)).rows[0].n;
seen.many = (await Promise.all(
  Array.from({ length: 30 }, (_, n) => pool.query("SELECT $1::int AS n", [n])),
)).map((found) => found.rows[0].n);
await pool.end();
console.log(JSON.stringify(seen));
