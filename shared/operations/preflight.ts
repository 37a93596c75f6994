import { adviceByHand, asDataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { type Finding, inspectServer } from '../source/inspect-server.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { environmentFindings, inspectBucket, inspectDataset, inspectTopics } from './inspect-environment.ts';
import { preflightView } from './preflight-view.ts';

/**
 * Checks connections, rights, log sequence, keys, columns, regions and topics, for one view or all enabled ones. Every problem comes with
 * advice. Changes nothing.
 */
export async function preflight({ view }: Pick<OperationOf<'check'>, 'view'>, dependencies: Dependencies) {
  const { viewSources } = dependencies.control;
  return await checkInstallation(dependencies, { origin: 'control database' }, async () => {
    const stored = await viewSources.list();
    return {
      sources: view === undefined ? stored.filter(({ enabled }) => enabled) : [await viewSources.get(view)],
      known: new Set(stored.map(({ name }) => name)),
    };
  });
}

/** The view sources to check, and the names of all that exist or would exist. */
export type Checked = { sources: ViewSource[]; known: ReadonlySet<string> };

/**
 * What a check looks at. `origin` names the check of the reading of the view sources. The scope `views` leaves out what is around them, and is
 * for a function that may not look at it, nor make tables.
 */
type Scope = { origin: string; scope?: 'installation' | 'views' };

/** Checks everything around the view sources that `readSources` finds, and each of them. Changes nothing. */
export async function checkInstallation(
  dependencies: Dependencies,
  { origin, scope = 'installation' }: Scope,
  readSources: () => Promise<Checked>,
) {
  const { config, source } = dependencies;
  const findings: Finding[] = [];
  const examine = async (name: string, work: () => Promise<string | Finding[]>): Promise<void> => {
    try {
      const found = await work();
      if (typeof found === 'string') findings.push({ check: name, ok: true, message: found });
      else findings.push(...found);
    } catch (thrown) {
      const error = asDataHubError(thrown);
      const advice = adviceByHand(error, 'operation');
      findings.push({ check: name, ok: false, message: error.message, advice });
    }
  };

  let sources: ViewSource[] = [];
  let known: ReadonlySet<string> = new Set();
  await examine(origin, async () => {
    ({ sources, known } = await readSources());
    if (sources.length > 0 || scope === 'views') return `reached; view sources to check: ${sources.length}`;
    return [
      {
        check: origin,
        ok: false,
        message: 'reached; no view source is enabled',
        advice: 'Import a configuration: {"import": […]}.',
      },
    ];
  });
  if (scope === 'installation') {
    await examine('environment', async () => environmentFindings(config));
    await examine('source database', () => inSnapshot(source, (client) => inspectServer(client, config)));
    await examine('staging bucket', () => inspectBucket(dependencies));
    for (const dataset of Object.values(config.datasets)) {
      await examine(`dataset ${dataset}`, () => inspectDataset(dataset, dependencies));
    }
    await examine('topics', () => inspectTopics(dependencies));
  }
  for (const viewSource of sources) {
    await examine(`view ${viewSource.name}`, () => preflightView(viewSource, known, dependencies, scope));
  }
  const failed = findings.filter(({ ok }) => !ok).length;
  return {
    outcome: failed === 0 ? 'ready' : `${failed} ${failed === 1 ? 'problem' : 'problems'} found`,
    ok: failed === 0,
    findings,
  };
}
