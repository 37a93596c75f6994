import type { StreamingWindow } from '../../../shared/model/row-text.ts';
import { isHashed } from '../../../shared/model/row-text.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { copiedColumns } from '../../../shared/source/fetch.ts';
import { rowTextSql as sourceSql } from '../../../shared/source/row-text-sql.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { readStreamingWindow } from '../../../shared/source/streaming-window.ts';
import { writtenRows } from '../../../shared/source/text-settings.ts';
import { rowTextSql as targetSql } from '../../../shared/warehouse/row-text-sql.ts';
import type { Installation } from '../../support/installation.ts';

/** By key: the hash of all other columns, and the bucket. */
export type RowHashes = Map<string, { hash: string; bucket: string }>;

const BUCKETS = 16;

type Sql = { key: string; bucket: (buckets: number) => string; hash: string };
type Row = { key_text: string; bucket: string; row_hash: string };

/** What both databases compute for the rows of a view: of all its columns but the key, or of one of them. */
export async function rowHashes(
  on: Installation,
  name: string,
  column?: string,
): Promise<{ source: RowHashes; target: RowHashes; view: SourceView; window: StreamingWindow | null }> {
  const { source: pool, control, config } = on.dependencies;
  const viewSource = await control.viewSources.get(name);
  const hashed = ({ columns, keyColumn }: SourceView) =>
    columns.filter((each) => each.name !== keyColumn && each.name === (column ?? each.name));
  const { view, window, source } = await inSnapshot(pool, async (client) => {
    const view = await describeView(client, viewSource, config.contentTypeTable);
    const window = await readStreamingWindow(client, viewSource);
    const { rows } = await client.query(`select current_setting('server_encoding') = 'UTF8' as "isUtf8"`);
    const { isUtf8 } = rows[0] as { isUtf8: boolean };
    const sql = sourceSql(view, hashed(view), { isUtf8, window });
    const query = writtenRows(view.textSettings, {
      columns: copiedColumns(view),
      from: `${view.relation} v`,
      write: (from) => `select ${selected(sql, 'text')} from ${from}`,
    });
    return { view, window, source: (await client.query(query)).rows as Row[] };
  });
  const table = `\`${on.parts.env.GOOGLE_CLOUD_PROJECT}.SMartDataAnalytics.${view.shape.target}\``;
  const sql = targetSql(view.shape, hashed(view), window);
  const target = await on.query(`select ${selected(sql, 'string')} from ${table} as v_target`);
  return { source: byKey(source), target: byKey(target as Row[]), view, window };
}

const selected = ({ key, bucket, hash }: Sql, text: string): string =>
  `${key} as key_text, cast(${bucket(BUCKETS)} as ${text}) as bucket, cast(${hash} as ${text}) as row_hash`;

const byKey = (rows: Row[]): RowHashes =>
  new Map(rows.map(({ key_text, bucket, row_hash: hash }) => [key_text, { hash, bucket }]));

/** The keys whose rows have another hash or bucket on the other side. */
export function differingKeys({ source, target }: { source: RowHashes; target: RowHashes }): string[] {
  return [...new Set([...source.keys(), ...target.keys()])].filter((key) => {
    const [left, right] = [source.get(key), target.get(key)];
    return left?.hash !== right?.hash || left?.bucket !== right?.bucket;
  });
}

/** The differences between both sides as readable lines: columns, and the keys of the rows in which they differ. */
export async function describeDifferences(on: Installation, name: string): Promise<string[]> {
  const all = await rowHashes(on, name);
  if (differingKeys(all).length === 0) return [];
  const lines: string[] = [`keys ${differingKeys(all).join(', ')}`];
  for (const column of all.view.columns.filter(isHashed)) {
    if (column.name === all.view.keyColumn) continue;
    const keys = differingKeys(await rowHashes(on, name, column.name));
    if (keys.length > 0) lines.push(`${column.name} ${column.type}: keys ${keys.join(', ')}`);
  }
  return lines;
}
