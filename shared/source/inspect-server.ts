import { adviceByHand, asDataHubError } from '../errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { readLogState } from './change-log.ts';
import { schemasWith } from './log-origin.ts';
import { assertLogTable, requireReadable } from './log-table.ts';
import { sessionFindings } from './session-findings.ts';

/** The result of one check, with advice if it failed. */
export type Finding = { check: string; ok: boolean; message: string; advice?: string };

/** The failure of a check as a finding; none if it succeeds. */
async function findingOf(check: string, work: () => Promise<void>): Promise<Finding[]> {
  try {
    await work();
    return [];
  } catch (thrown) {
    const error = asDataHubError(thrown);
    // PostgreSQL refuses everything that follows a failed statement.
    if (error.kind === 'bug') throw thrown;
    return [{ check, ok: false, message: error.message, advice: adviceByHand(error, 'operation') }];
  }
}

/**
 * Checks that the server can be captured exactly, and that the role may read the change log and its sequence but write nothing.
 * Throws as `readLogState` does. Must run in a snapshot (`inSnapshot`), which refuses a server that is too old.
 */
export async function inspectServer(
  client: Queryable,
  { changeLogTable: logTable, contentTypeTable }: { changeLogTable: string; contentTypeTable: string },
): Promise<Finding[]> {
  const unreadable = [
    ...(await findingOf('content types', () =>
      requireReadable(client, 'content type table', contentTypeTable),
    )),
    ...(await findingOf('change log', () => assertLogTable(client, logTable))),
  ];
  if (unreadable.some(({ check }) => check === 'change log')) return unreadable;
  const { rows } = await client.query(
    `select current_setting('server_version') as version, current_user as role,
       current_setting('server_encoding') as encoding, current_database() as database,
       (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
       has_table_privilege($1, 'insert, update, delete') as "canWrite",
       pg_get_serial_sequence($1, 'id') as sequence,
       has_sequence_privilege(pg_get_serial_sequence($1, 'id'), 'select') as "canReadSequence"`,
    [quoteIdentifier(logTable)],
  );
  const server = rows[0] as {
    version: string;
    role: string;
    encoding: string;
    database: string;
    isSuperuser: boolean;
    canWrite: boolean;
    sequence: string | null;
    canReadSequence: boolean | null;
  };
  const findings: Finding[] = [
    ...unreadable,
    { check: 'source database', ok: true, message: `PostgreSQL ${server.version} as ${server.role}` },
    ...(await sessionFindings(client)),
  ];
  if (server.encoding === 'SQL_ASCII') {
    findings.push({
      check: 'source encoding',
      ok: true,
      message: `database ${server.database} has the encoding SQL_ASCII, so that PostgreSQL does not know which characters its bytes are; bytes that are not UTF-8 stop a batch`,
      advice:
        'Have the application write UTF-8 only. Better: dump the database and restore it into one with the encoding UTF8.',
    });
  }
  if (server.isSuperuser || server.canWrite) {
    findings.push({
      check: 'source rights',
      ok: false,
      message: `role ${server.role} may write to the source`,
      advice: 'Connect as a role that can only read: sql/source/reader-role.sql creates one.',
    });
  }
  if (server.canReadSequence === false) {
    findings.push({
      check: 'log sequence',
      ok: false,
      message: `role ${server.role} may not read sequence ${server.sequence}`,
      advice: `Run: grant select on sequence ${server.sequence} to ${server.role};`,
    });
  }
  await readLogState(client, logTable, null);
  const [schema] = await schemasWith(client, logTable);
  const message = `${logTable} can be captured exactly; it is in schema ${schema}`;
  findings.push({ check: 'change log', ok: true, message });
  for (const table of [logTable, contentTypeTable]) findings.push(...(await namesakes(client, table)));
  return findings;
}

/** Says which of several tables of one name the session reads. */
async function namesakes(client: Queryable, table: string): Promise<Finding[]> {
  const [read, ...others] = await schemasWith(client, table);
  if (others.length === 0) return [];
  return [
    {
      check: 'search path',
      ok: true,
      message: `the role finds ${table} in schema ${read}; schema ${others.join(' and ')} has a table of that name, too`,
      advice: `If schema ${read} is not the application's, set the search path of the role: alter role … set search_path = …;`,
    },
  ];
}
