import type { Session } from '../engine.ts';
import { quoted } from '../field.ts';
import { storageTable } from '../names.ts';
import { createKeyVersions, keyVersions } from './key-versions.ts';
import type { RowFormat } from './row-format.ts';
import { convertedRows } from './staged-rows.ts';

const CHANGE = 'applied_change';

/** How the changes of one key in one request are ordered; see applyChanges. */
const LATEST_FIRST = '"$sequence" desc, case when "$sequence" is null then "$position" else -"$position" end';

/** Appends the staged rows, all or none. */
export async function appendRows(session: Session, format: RowFormat): Promise<void> {
  const storage = storageTable(format.table.reference);
  await session.run(`
    insert into ${storage} (${names(format)})
    select ${names(format)} from (${convertedRows(format, await defaultsOf(session, format))}) order by "$position"`);
}

/**
 * Applies the staged changes, all or none. A change that is older than the latest one of its key is passed over. Of
 * equals the later one counts; where rows of one request have no sequence number, the first one of a key, as users have
 * seen it (java-bigquerystorage issue 2404). The caller sees to it that nobody else changes the table meanwhile.
 */
export async function applyChanges(
  session: Session,
  format: RowFormat,
  key: readonly string[],
): Promise<void> {
  const { reference } = format.table;
  const [storage, versions] = [storageTable(reference), keyVersions(reference)];
  const defaults = await defaultsOf(session, format);
  const keyNames = key.map(quoted).join(', ');
  const sameKey = (a: string, b: string) =>
    key.map((name) => `${a}.${quoted(name)} = ${b}.${quoted(name)}`).join(' and ');
  const changes = convertedRows(format, defaults);
  const { value: several } = await session.value(
    `select count(*) > (select count(*) from (select distinct ${keyNames} from (${changes}))) from (${changes})`,
  );
  // To rank the changes of each key takes longer than all the rest, and mostly there is one of each.
  const latest = several
    ? `qualify row_number() over (partition by ${keyNames} order by ${LATEST_FIRST}) = 1`
    : '';
  await session.transaction(async () => {
    await createKeyVersions(session, reference, key);
    await session.run(`
      create or replace temporary table ${CHANGE} as
      select * from (${changes}) change
      where not exists (
        select * from ${versions} version where ${sameKey('version', 'change')} and version."$sequence" > change."$sequence")
      ${latest}`);
    await session.run(
      `delete from ${storage} target using ${CHANGE} change where ${sameKey('target', 'change')}`,
    );
    await session.run(
      `insert into ${storage} (${names(format)}) select ${names(format)} from ${CHANGE} where not "$deleted"`,
    );
    await session.run(
      `delete from ${versions} version using ${CHANGE} change where ${sameKey('version', 'change')}`,
    );
    await session.run(`insert into ${versions} select ${keyNames}, "$sequence" from ${CHANGE}`);
  });
}

/** DuckDB's texts of the defaults that rows may take, by the columns' names. */
async function defaultsOf(session: Session, { columns, table }: RowFormat): Promise<Map<string, string>> {
  if (!columns.some(({ takesDefault }) => takesDefault)) return new Map();
  const { rows } = await session.query(
    `select column_name, "default" from (describe ${storageTable(table.reference)}) where "default" is not null`,
  );
  return new Map(rows.map(([name, text]) => [String(name), String(text)]));
}

function names({ columns }: RowFormat): string {
  return columns.map(({ field }) => quoted(field.name)).join(', ');
}
