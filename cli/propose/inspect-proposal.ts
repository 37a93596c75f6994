import type pg from 'pg';
import { asViewSource, type ResolvedEntry } from '../../shared/control/view-source-row.ts';
import { asDataHubError } from '../../shared/errors.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import { viewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { inspectSource } from '../../shared/operations/inspect-source.ts';
import { findRelation } from '../../shared/source/catalog.ts';
import { dependencyFindings } from '../../shared/source/dependency-faults.ts';
import { judgeRows } from '../../shared/source/judge-rows.ts';
import { readBriefly } from '../../shared/source/read-briefly.ts';
import { tryStatements } from '../../shared/source/try-statements.ts';
import { readViewCatalog } from '../../shared/source/view-catalog.ts';
import { readDefinition } from '../../shared/source/view-definition.ts';
import { viewFaults } from '../../shared/source/view-faults.ts';
import type { SourceLog } from './choose-log.ts';
import type { ProposedEntry, ViewProposal } from './view-proposal.ts';

const ALL_ROWS = { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false } as const;
/** Stands for a model that is not known yet. */
const UNKNOWN = '?';

/**
 * Checks a proposal as its import will, so that what that would refuse stands in the todo. Without the models, only what is known is checked. Looks for
 * values that BigQuery cannot hold, which would stop the first load.
 */
export async function inspectProposal(
  client: pg.ClientBase,
  { entry, todo, notes }: ViewProposal,
  { log: { logTable, contentTypeTable, types }, timeoutSeconds }: { log: SourceLog; timeoutSeconds: number },
): Promise<void> {
  const source = asSource(entry, types);
  const isWhole =
    source.contentTypeId !== 0 && source.lookups.every(({ contentTypeId }) => contentTypeId !== 0);
  if (!isWhole || logTable === null || contentTypeTable === null) {
    todo.push(...(await catalogFaults(client, source, types)));
    return;
  }
  try {
    // Neither a policy tag, which needs the location, nor a reference to another view is proposed.
    const config = { changeLogTable: logTable, contentTypeTable, location: '' };
    const { view, findings } = await inspectSource(client, source, new Set([source.name]), { config });
    for (const { ok, message, advice } of findings) {
      const told = [message, advice].filter((part) => part !== undefined).join('. ');
      if (!ok) todo.push(told);
      else if (advice !== undefined && !todo.some((each) => each.startsWith(message))) notes.push(told);
    }
    await tryStatements(client, view, logTable);
    const refused = await readBriefly(
      client,
      async () => ({ error: await judgeRows(client, view, ALL_ROWS) }),
      timeoutSeconds,
    );
    if (refused !== null && refused.error !== null) {
      todo.push(
        `unrepresentable: ${refused.error.message.replace(`view ${source.name}: `, '')}, which would stop the first load. Correct the rows or the view, or set a policy: "null" writes NULL instead, "string" makes the column a STRING.`,
      );
    }
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind !== 'configuration' && error.kind !== 'bad_data') throw thrown;
    todo.push(`An import would refuse it: ${error.message.replace(/^view source [^:]*: /, '')}.`);
  }
}

/** What is wrong whatever the models are. */
async function catalogFaults(
  client: pg.ClientBase,
  source: ViewSource,
  types: SourceLog['types'],
): Promise<string[]> {
  const view = await findRelation(client, source.name);
  const main = await findRelation(client, source.mainTable);
  if (view === null || main === null) return [];
  const catalog = await readViewCatalog(client, source, { view, main });
  const definition = await readDefinition(client, view);
  const { faults } = await dependencyFindings(client, source, catalog, definition, types);
  // `proposeView` tells it of a materialized view.
  return [...viewFaults(source, { ...catalog, view: { ...view, isMaterialized: false } }), ...faults].map(
    (fault) => `An import would refuse it: ${fault}.`,
  );
}

/** The entry as a view source; the content type of an unknown model is 0. */
function asSource(entry: ProposedEntry, types: SourceLog['types']): ViewSource {
  const withModel = <T extends { app_label?: string; model?: string }>(named: T) => {
    const { app_label = UNKNOWN, model = UNKNOWN } = named;
    return { ...named, app_label, model, content_type_id: types.get(`${app_label}.${model}`) ?? 0 };
  };
  const lookups = (entry.lookups ?? []).map(withModel);
  // A name that no view source can have is told elsewhere.
  const whole = withModel({ ...entry, name: 'v', target_name: 'v', lookups });
  const parsed = viewSourceEntry.parse(whole);
  return asViewSource({ ...parsed, name: entry.name } as ResolvedEntry);
}
