// SPDX-License-Identifier: MIT
// Asks DuckDB through its binding for node: duck.mjs DIRECTORY DATABASE r|w SQL, rows as CSV.
// DIRECTORY has node_modules/@duckdb/node-api in it.
import {createRequire} from 'node:module';
import {writeSync} from 'node:fs';

const [directory, database, mode, sql] = process.argv.slice(2);
const {DuckDBInstance} = createRequire(directory + '/x')('@duckdb/node-api');
const instance = await DuckDBInstance.create(database, mode === 'r' ? {access_mode: 'READ_ONLY'} : {});
const connection = await instance.connect();
const result = await connection.stream(sql);
for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0)
        break;
    let text = '';
    for (const row of chunk.getRows())
        text += row.join(',') + '\n';
    for (let at = 0; at < text.length;)
        at += writeSync(1, text.slice(at));
}
