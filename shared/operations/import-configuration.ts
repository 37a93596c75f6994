import { asViewSource, type ResolvedEntry } from '../control/view-source-row.ts';
import type { ViewChange } from '../control/view-sources.ts';
import { ADVICE, asDataHubError, DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import { type Effect, needsResync } from '../model/source-changes.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { ViewSourceEntry } from '../model/view-source-entry.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { findContentTypes } from '../source/content-types.ts';
import type { Finding } from '../source/inspect-server.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { tryStatements } from '../source/try-statements.ts';
import { type Followed, followRenames } from './follow-renames.ts';
import { dryRunAdvice, importAdvice } from './import-advice.ts';
import { inspectSource } from './inspect-source.ts';
import { checkInstallation } from './preflight.ts';

type Entries = Pick<OperationOf<'import'>, 'entries'>;

/**
 * Creates or changes the given view sources, all or none. Safe to repeat. Looks content types up in the source by app_label and model; an
 * id in the configuration must match. Throws `configuration` naming every content type that does not exist or differs, another main table
 * that does not hold the rows of a fed view, and every mistake in an enabled view source that its database shows. Returns warnings on what is
 * no mistake, but may surprise, such as models whose changes the view sources do not follow, and what the changes mean for views that have
 * batches. Throws `superseded` if somebody has changed one of the stored view sources since `seen`.
 */
export async function importConfiguration(
  { entries, seen }: Pick<OperationOf<'import'>, 'entries' | 'seen'>,
  dependencies: Dependencies,
) {
  const { control, log } = dependencies;
  const { entries: resolved, moved } = await resolveEntries({ entries }, dependencies);
  const warnings = await inspectEntries(resolved, dependencies);
  const effects = effectsOf(await control.viewSources.import(resolved, moved, seen));
  const views = resolved.map(({ name }) => name);
  log.info({ views, ...effects }, 'configuration imported');
  return { outcome: 'imported', views, ...effects, warnings, ...(await stillHalted(views, dependencies)) };
}

/** The views that an import leaves halted, with the advice to let them run again; nothing if none is. */
async function stillHalted(views: string[], { control }: Dependencies) {
  const halted = (await control.viewSources.list())
    .filter(({ name, haltedReason }) => haltedReason !== null && views.includes(name))
    .map(({ name }) => name);
  if (halted.length === 0) return {};
  const payload = JSON.stringify({ view: halted[0], resume: true });
  return { halted, advice: `These views stay halted. When their cause is mended, resume them: ${payload}.` };
}

/**
 * Checks the installation with the given view sources as `check` would after their import; with the scope `views`, only these. Changes
 * nothing.
 */
export async function dryRunImport(
  { entries, scope = 'installation' }: Pick<OperationOf<'dryRunImport'>, 'entries' | 'scope'>,
  dependencies: Dependencies,
) {
  let changes: ViewChange[] = [];
  let stored: ReadonlyMap<string, ViewSource> = new Map();
  const checked = await checkInstallation(dependencies, { origin: 'import', scope }, async () => {
    const { entries: resolved, moved } = await resolveEntries({ entries }, dependencies);
    changes = await dependencies.control.viewSources.previewImport(resolved, moved);
    stored = new Map((await dependencies.control.viewSources.list()).map((view) => [view.name, view]));
    return {
      sources: resolved
        .filter(({ enabled }) => enabled)
        .map((entry) => ({ ...asViewSource(entry), ...keptOf(stored.get(entry.name)) })),
      known: await namesWith(resolved, dependencies),
    };
  });
  const findings = checked.findings.map(({ advice, ...finding }) => ({
    ...finding,
    ...(advice !== undefined && { advice: dryRunAdvice({ ok: finding.ok, advice }, stored.keys()) }),
  }));
  return { ...checked, findings, ...effectsOf(changes) };
}

/** What an import leaves of a stored view source, and a check looks at. */
const keptOf = (stored: ViewSource | undefined): Partial<ViewSource> =>
  stored === undefined
    ? {}
    : {
        knownColumns: stored.knownColumns,
        unfilledColumns: stored.unfilledColumns,
        resyncRequestedAt: stored.resyncRequestedAt,
        resyncBySystem: stored.resyncBySystem,
      };

/** What an operator should know of each effect. */
const EFFECTS: Readonly<Record<Exclude<Effect, 'none' | 'locked'>, string>> = {
  objects: 'the next extract makes the reporting view, the procedure and the policy tags anew',
  resync: 'rows of the target may be wrong until the view is loaded again, which the system has requested',
  rewrite: 'the next extract changes the table, and then rewrites its rows once, which BigQuery bills',
  'new target':
    'where BigQuery cannot change the table, a new one takes its place; the system has requested that the view is loaded again',
};

/** The views that are loaded again, and what each changed field means, as the answer to an import shows it. */
function effectsOf(changes: readonly ViewChange[]) {
  const views = [...new Set(changes.map(({ view }) => view))];
  return {
    resyncs: views.filter((name) => needsResync(changes.filter(({ view }) => view === name))),
    effects: changes.flatMap(({ view, field, effect }) =>
      effect === 'none' || effect === 'locked' ? [] : [{ view, field, effect, message: EFFECTS[effect] }],
    ),
  };
}

async function namesWith(
  entries: readonly { name: string }[],
  { control }: Dependencies,
): Promise<ReadonlySet<string>> {
  const stored = await control.viewSources.list();
  return new Set([...stored, ...entries].map(({ name }) => name));
}

async function resolveEntries(
  { entries }: Entries,
  { config, control, source }: Dependencies,
): Promise<Followed> {
  const found = await inSnapshot(source, (client) => findContentTypes(client, config.contentTypeTable));
  const faults: string[] = [];
  const resolve = <T extends { app_label: string; model: string; content_type_id?: number | undefined }>(
    named: T,
    where: string,
  ): T & { content_type_id: number } => {
    const id = found.get(`${named.app_label}.${named.model}`);
    const given = named.content_type_id;
    if (id === undefined)
      faults.push(
        `${where}: content type ${named.app_label}.${named.model} does not exist${similarType(found, named)}`,
      );
    else if (given !== undefined && given !== id) {
      faults.push(
        `${where}: content type ${named.app_label}.${named.model} is ${id} in this source, not ${given}`,
      );
    }
    return { ...named, content_type_id: id ?? 0 };
  };
  const resolveChildren = (models: ViewSourceEntry['child_models'], where: string) => ({
    child_models: models.map((model) => resolve(model, `${where}, child model`)),
  });
  const resolved = entries.map((entry) => ({
    ...resolve(entry, entry.name),
    ...resolveChildren(entry.child_models, entry.name),
    lookups: entry.lookups.map((lookup) => {
      const where = `${entry.name}, lookup ${lookup.table}`;
      return { ...resolve(lookup, where), ...resolveChildren(lookup.child_models ?? [], where) };
    }),
  }));
  if (faults.length > 0) throw notImported(faults);
  const fed = await control.viewSources.assertImportable(resolved);
  return await followRenames(resolved, fed, { config, source });
}

/** Django writes models in lower case in its content types. */
function similarType(
  found: ReadonlyMap<string, number>,
  { app_label, model }: { app_label: string; model: string },
): string {
  const wanted = `${app_label}.${model}`.toLowerCase();
  const similar = [...found.keys()].find((name) => name.toLowerCase() === wanted);
  return similar === undefined ? '' : `, but ${similar} does`;
}

/** Inspects the enabled view sources, each in a snapshot of its own, so that all faults are reported together. */
async function inspectEntries(entries: ResolvedEntry[], dependencies: Dependencies): Promise<Finding[]> {
  const { config, source } = dependencies;
  const known = await namesWith(entries, dependencies);
  const warnings: Finding[] = [];
  const failures: DataHubError[] = [];
  // A view that is gone can still be disabled.
  for (const entry of entries.filter(({ enabled }) => enabled)) {
    try {
      const findings = await inSnapshot(source, async (client) => {
        const inspected = await inspectSource(client, asViewSource(entry), known, dependencies);
        await tryStatements(client, inspected.view, config.changeLogTable);
        return inspected.findings;
      });
      warnings.push(...findings);
    } catch (error) {
      failures.push(asDataHubError(error));
    }
  }
  if (failures.length === 0) return warnings;
  const other = failures.find(({ kind }) => kind !== 'configuration');
  if (other !== undefined) throw other.withAdvice(`Nothing was stored. ${importAdvice(other.advice)}`);
  throw notImported(
    failures.map(({ message }) => message),
    failures.map(({ advice }) => advice),
  );
}

/** The error for an import that stores nothing, with the faults' own advice where they have any. */
function notImported(faults: string[], advice: string[] = []): DataHubError {
  const own = advice.filter((each) => each !== ADVICE.configuration);
  return new DataHubError('configuration', faults.join('; '), {
    advice:
      own.length === 0
        ? 'Nothing was stored. Correct what the message names, then send the import again.'
        : [...new Set(own.map(importAdvice))].join(' '),
  });
}
