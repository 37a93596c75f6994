import { quoteIdentifier } from '../postgres/quote.ts';
import type { Queryable } from '../postgres/transaction.ts';
import { readLogState } from './change-log.ts';

/** One thing that was looked at, and what to do about it when it is not as it must be. */
export type Finding = { check: string; ok: boolean; message: string; advice?: string };

/**
 * What the server and the role are fit for: rights on the change log and its sequence, and no more rights than reading. Throws
 * what `readLogState` refuses; a server that is too old is refused by the snapshot that this is asked in.
 */
export async function inspectServer(client: Queryable, logTable: string): Promise<Finding[]> {
  const { rows } = await client.query(
    `select current_setting('server_version') as version, current_user as role,
       (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
       has_table_privilege($1, 'insert, update, delete') as "canWrite",
       pg_get_serial_sequence($1, 'id') as sequence,
       has_sequence_privilege(pg_get_serial_sequence($1, 'id'), 'select') as "canReadSequence"`,
    [quoteIdentifier(logTable)],
  );
  const server = rows[0] as {
    version: string;
    role: string;
    isSuperuser: boolean;
    canWrite: boolean;
    sequence: string | null;
    canReadSequence: boolean | null;
  };
  const findings: Finding[] = [
    { check: 'source database', ok: true, message: `PostgreSQL ${server.version} as ${server.role}` },
  ];
  if (server.isSuperuser || server.canWrite) {
    findings.push({
      check: 'source rights',
      ok: false,
      message: `role ${server.role} may write to the source`,
      advice: 'Use the role of sql/source/reader-role.sql, which can only read.',
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
  findings.push({ check: 'change log', ok: true, message: `${logTable} can be captured exactly` });
  return findings;
}
