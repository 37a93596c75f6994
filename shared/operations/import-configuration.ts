import { asViewSource, type ResolvedEntry } from '../control/view-source-row.ts';
import type { ViewChange } from '../control/view-sources.ts';
import { asDataHubError, type DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import { type Effect, needsResync } from '../model/source-changes.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Finding } from '../source/inspect-server.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { tryStatements } from '../source/try-statements.ts';
import { dryRunAdvice, importAdvice } from './import-advice.ts';
import { inspectSource } from './inspect-source.ts';
import { checkInstallation } from './preflight.ts';
import { namesWith, notImported, resolveEntries, sourcesAfter } from './resolve-entries.ts';

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
  let stored: readonly string[] = [];
  const checked = await checkInstallation(dependencies, { origin: 'import', scope }, async () => {
    const resolved = await resolveEntries({ entries }, dependencies);
    changes = await dependencies.control.viewSources.previewImport(resolved.entries, resolved.moved);
    stored = (await dependencies.control.viewSources.list()).map(({ name }) => name);
    return {
      sources: (await sourcesAfter(resolved, dependencies)).filter(({ enabled }) => enabled),
      known: await namesWith(resolved.entries, dependencies),
    };
  });
  const findings = checked.findings.map(({ advice, ...finding }) => ({
    ...finding,
    ...(advice !== undefined && { advice: dryRunAdvice({ ok: finding.ok, advice }, stored) }),
  }));
  return { ...checked, findings, ...effectsOf(changes) };
}

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
