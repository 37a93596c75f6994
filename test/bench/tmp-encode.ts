import { readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { RowEncoder } from '../../shared/source/decode/encode-rows.ts';
import { describeView } from '../../shared/source/describe-view.ts';
import { upsertRows, upsertsStatement } from '../../shared/source/fetch.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { avroFormat } from '../../shared/staging/format/avro-format.ts';
import { jsonFormat } from '../../shared/staging/format/json-format.ts';
import { makeViewSource } from '../integration/source/make-view-source.ts';
import { createSmartApp } from '../smartapp/create-smartapp.ts';
import { READER_PASSWORD, startBenchStack } from './bench-stack.ts';
import { ITEM_VIEW, itemScale, keepFirstItems } from './items.ts';

const rows = Number(process.argv[2] ?? 300000);
await using stack = await startBenchStack();
await createSmartApp(stack.sourceUrl, { scale: itemScale(rows), readerPassword: READER_PASSWORD });
const source = new pg.Client(stack.sourceUrl);
await source.connect();
await keepFirstItems(source, rows);
const pool = new pg.Pool({ connectionString: stack.sourceUrl });
pg.types.setTypeParser(20, BigInt);
const entry = JSON.parse(readFileSync('sql/source/view-sources.json', 'utf8'));
const list = entry.import;
source.on('error', () => undefined);
const item = list.find((e: any) => e.name === ITEM_VIEW);
const ct = Number(
  (
    await source.query(`select id from django_content_type where app_label=$1 and model=$2`, [
      item.app_label,
      item.model,
    ])
  ).rows[0].id,
);
const view = await inSnapshot(pool as any, (client) =>
  describeView(
    client,
    makeViewSource({
      name: ITEM_VIEW,
      mainTable: item.main_table,
      keyColumn: item.key_column,
      contentTypeId: ct,
      datetimeColumns: item.datetime_columns ?? [],
      lookups: [],
    } as any),
    'django_content_type',
  ),
);
console.log(view.columns.map((c) => `${c.name}:${c.type}`).join(' '), view.textSettings);
const slice = { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false } as const;
console.log(upsertsStatement(view, slice));
const stamp = {
  columns: [
    { name: 'action', type: 'STRING', mode: 'REQUIRED' },
    { name: 'etl_transaction_id', type: 'INT64', mode: 'REQUIRED' },
  ] as const,
  write(w: any, i: number, a: string) {
    const t = Buffer.from(a);
    if (i === 0) w.text(t, 0, t.length);
    else w.bigint(5n);
  },
};
async function baseline() {
  const t = performance.now();
  const c = await pool.connect();
  await finished(
    (c as any).query(copyTo(`copy (select * from ${ITEM_VIEW}) to stdout (format binary)`)).resume(),
  );
  c.release();
  return (performance.now() - t) / 1000;
}
async function encode(format: any) {
  const cpu = process.cpuUsage();
  const t = performance.now();
  const c = await pool.connect();
  const encoder = new RowEncoder(upsertRows(view, slice), format.openRows());
  let bytes = 0;
  for await (const chunk of format.pack(
    encoder.blocks((c as any).query(copyTo(upsertsStatement(view, slice)))),
  ))
    bytes += chunk.length;
  c.release();
  const used = process.cpuUsage(cpu);
  return [(performance.now() - t) / 1000, bytes / 1e6, (used.user + used.system) / 1e6];
}
for (let i = 0; i < 4; i++) {
  console.log('base', (await baseline()).toFixed(2));
  console.log(
    'avro',
    (await encode(avroFormat(view.shape.columns, stamp as any))).map((n: number) => n.toFixed(2)).join(' '),
  );
  console.log(
    'json',
    (await encode(jsonFormat(view.shape.columns, stamp as any))).map((n: number) => n.toFixed(2)).join(' '),
  );
}
await pool.end();
await source.end();
