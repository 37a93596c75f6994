import type { Session } from '../engine.ts';
import { quoted } from '../field.ts';
import { storageTable } from '../names.ts';
import { createKeyVersions, keyVersions } from './key-versions.ts';
import type { RowFormat } from './row-format.ts';
import { convertedRows } from './staged-rows.ts';

const CHANGE = 'applied_change';

/** The order of the changes of one key in one request; see applyChanges. */
const LATEST_FIRST = '"$sequence" desc, case when "$sequence" is null then "$position" else -"$position" end';

/**
 * Applies the staged changes, all or none. An UPSERT replaces the whole row, a DELETE removes it. A change with a lower sequence number
 * than the latest change of its key has no effect; of two with the same number, the later one counts.
 * https://cloud.google.com/bigquery/docs/change-data-capture#manage_custom_ordering
 * Without sequence numbers, the first change of a key in a request counts [not documented; seen in java-bigquerystorage issue 2404].
 * The caller prevents other changes of the table meanwhile.
 */
export async function applyChanges(session: Session, format: RowFormat): Promise<void> {
  const { key } = format;
  const { reference } = format.table;
  const [storage, versions] = [storageTable(reference), keyVersions(reference)];
  const keyNames = key.map(quoted).join(', ');
  const sameKey = (a: string, b: string) =>
    key.map((name) => `${a}.${quoted(name)} = ${b}.${quoted(name)}`).join(' and ');
  const changes = convertedRows(format);
  const { value: several } = await session.value(
    `select count(*) > (select count(*) from (select distinct ${keyNames} from (${changes}))) from (${changes})`,
  );
  // Ranking the changes of each key takes longer than everything else, and mostly each key has one change.
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

function names({ columns }: RowFormat): string {
  return columns.map(({ field }) => quoted(field.name)).join(', ');
}
