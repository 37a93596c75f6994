import type pg from 'pg';
import { asDataHubError } from '../../shared/errors.ts';
import { findContentTypeTables, findLogTables } from '../../shared/source/find-log-tables.ts';
import { type Finding, inspectServer } from '../../shared/source/inspect-server.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { readDefinition } from '../../shared/source/view-definition.ts';
import { chooseLog, type SourceLog } from './choose-log.ts';
import { findViews } from './find-views.ts';
import { type Activity, readActivity } from './log-activity.ts';
import { addFailure, proposeView } from './propose-view.ts';
import { newProposal, type ViewProposal } from './view-proposal.ts';
import { viewStatements } from './view-statements.ts';

export type ProposeOptions = {
  /** The views to propose; empty for all that the role may read. */
  views: readonly string[];
  /** The views that somebody wants to be streamed. */
  streamed: readonly string[];
  /** What proving the key of one view may take. */
  timeoutSeconds: number;
  changeLogTable: string;
  contentTypeTable: string;
  /** Called before each view. */
  onView: (name: string) => void;
};

/** What the catalog and the rows of a source say about its view sources. */
export type Proposed = {
  log: SourceLog;
  proposals: ViewProposal[];
  /** Views that the role may not read, and what is wrong with the server, as sentences. */
  problems: string[];
  /** The statements that create views of tables that no view shows. */
  statements: { sql: string; views: string[] };
  /** How many views there are that the role may not read, or does not find. */
  hiddenViews: number;
};

/** Reads the source in read-only transactions, one per view. Changes nothing. Throws what connecting throws. */
export async function propose(source: pg.Pool, options: ProposeOptions): Promise<Proposed> {
  const { log, activity, problems, views, hiddenViews } = await inSnapshot(source, async (client) => {
    const log = await chooseLog(client, options);
    const found = await findViews(client);
    return {
      log,
      activity:
        log.logTable === null ? new Map<number, Activity>() : await readActivity(client, log.logTable),
      problems: options.views.length > 0 ? [] : found.others,
      views: options.views.length > 0 ? [...new Set(options.views)] : found.proposable,
      hiddenViews: found.others.length,
    };
  });
  const { timeoutSeconds, streamed } = options;
  const context = { log, activity, timeoutSeconds, streamed: new Set(streamed) };
  const proposals: ViewProposal[] = [];
  for (const name of views) {
    options.onView(name);
    const proposal = newProposal(name);
    proposals.push(proposal);
    await inSnapshot(source, (client) => proposeView(client, proposal, context)).catch((thrown: unknown) =>
      addFailure(proposal, thrown),
    );
  }
  return {
    log,
    proposals,
    hiddenViews,
    problems: [...problems, ...(await serverProblems(source, log))],
    statements: await inSnapshot(source, async (client) =>
      viewStatements(client, log.types, await shownTables(client)),
    ),
  };
}

/** What stops every capture, such as rights on the sequence of the log or a standby, and what a check would warn of. */
async function serverProblems(source: pg.Pool, { logTable, contentTypeTable }: SourceLog): Promise<string[]> {
  if (logTable === null || contentTypeTable === null) return [];
  const told = ({ message, advice }: Pick<Finding, 'message' | 'advice'>): string =>
    `${message.charAt(0).toUpperCase()}${message.slice(1)}.${advice === undefined ? '' : ` ${advice}`}`;
  try {
    const findings = await inSnapshot(source, (client) =>
      inspectServer(client, { changeLogTable: logTable, contentTypeTable }),
    );
    return findings.filter(({ ok, advice }) => !ok || advice !== undefined).map(told);
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind !== 'source_refused' && error.kind !== 'configuration') throw error;
    return [told(error)];
  }
}

/** The tables that a view shows, the log and the content types. */
async function shownTables(client: pg.ClientBase): Promise<Set<number>> {
  const shown = [...(await findLogTables(client)), ...(await findContentTypeTables(client))].map(
    ({ oid }) => oid,
  );
  for (const view of (await findViews(client)).all) {
    shown.push(...(await readDefinition(client, view)).dependencies.map(({ oid }) => oid));
  }
  return new Set(shown);
}
