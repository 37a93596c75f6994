import type pg from 'pg';
import { findRelation } from '../../shared/source/catalog.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { TRIGGER_LOG } from '../../shared/source/trigger-log.ts';
import { oneLine } from '../output/text.ts';
import type { ProposedEntry } from '../propose/view-proposal.ts';
import { writeResult } from '../write-result.ts';
import { runBy } from './log-plan.ts';
import { logScript } from './log-script.ts';
import { type LoggedView, planLog } from './plan-log.ts';
import { removalScript } from './removal-script.ts';

/** The files of the two scripts: `change-log.sql` and `change-log.remove.sql`. */
export const logFiles = (file: string): [string, string] => [file, file.replace(/(\.sql)?$/, '.remove.sql')];

/**
 * Writes the script of a log of the tables of the proposed views, and the one that removes it. Returns what a person reads. The file `-` prints the
 * first one alone. `tellModels` adds under which model each table is logged. Reads the source only.
 */
export async function writeLog(
  source: pg.Pool,
  entries: readonly ProposedEntry[],
  {
    file,
    flag,
    contentTypeTable,
    tellModels,
  }: { file: string; flag: 'w' | 'wx'; contentTypeTable: string; tellModels: boolean },
): Promise<string> {
  const views = entries.flatMap(loggedView);
  if (views.length === 0)
    return 'No change log: no view has a main table and a key yet. Decide them in the file of view sources, and name it with --decided.';
  const { plan, problems, writer } = await inSnapshot(source, async (client) => {
    const hasTypes = (await findRelation(client, contentTypeTable)) !== null;
    return await planLog(client, views, hasTypes ? contentTypeTable : null);
  });
  if (plan.tables.length === 0) return ['No change log:', ...problems].join('\n  - ');
  const [script, removal] = logFiles(file);
  if (file === '-') process.stdout.write(logScript(plan));
  else {
    await writeResult(script, logScript(plan), flag);
    await writeResult(removal, removalScript(plan), flag);
  }
  const steps = [
    ...problems,
    `psql … -v ON_ERROR_STOP=1 -f ${script}    as ${runBy(plan)}; ${file === '-' ? 'propose with a file to get the script that removes it' : `${removal} removes it`}`,
    ...(writer === null
      ? []
      : [
          `Role ${writer} may write, so that the script makes ${plan.reader.role}, which only reads: run it as a role that may create roles, then give that one a password (\\password ${plan.reader.role}) and use its URL`,
        ]),
    ...(tellModels
      ? plan.tables.map(
          ({ name, contentType: { appLabel, model } }) =>
            `${name} has "app_label": ${JSON.stringify(appLabel)}, "model": ${JSON.stringify(model)}`,
        )
      : []),
    `CHANGE_LOG_TABLE=${TRIGGER_LOG.logTable} CONTENT_TYPE_TABLE=${TRIGGER_LOG.contentTypeTable} npm run datahub -- propose …    proposes the view sources anew, for this log`,
    'docs/change-log.md says what it costs, how to prune it and what it cannot see',
  ];
  return ['Change log:', ...steps.map(oneLine)].join('\n  - ');
}

function loggedView({ name, main_table, key_column, lookups = [] }: ProposedEntry): LoggedView[] {
  return main_table === undefined || key_column === undefined
    ? []
    : [{ name, main_table, key_column, lookups }];
}
