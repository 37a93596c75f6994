import assert from 'node:assert/strict';
import { type Installation, STREAMED_ENTRY, type Staged } from '../../../support/installation.ts';
import { isRecoverable } from '../../../support/is-recoverable.ts';
import type { Stack } from '../../../support/stack.ts';
import { useInstallation } from '../../../support/use-installation.ts';
import { leaveObjects, leaveProcedure, withTheirControl } from './leave-as-before.ts';
import { MERGED, type Scenario } from './scenarios.ts';

/** Orders in which the functions of a view are deployed. `apply` stands for `merge` or `stream`: the other one never meets the view. */
const ORDERS = [
  ['extract', 'apply', 'reconcile'],
  ['extract', 'reconcile', 'apply'],
  ['apply', 'extract', 'reconcile'],
  ['apply', 'reconcile', 'extract'],
  ['reconcile', 'extract', 'apply'],
  ['reconcile', 'apply', 'extract'],
] as const;

/** An installation as the recorded functions have left it, with a batch in some state, before any function is deployed. */
async function leave(
  on: Installation,
  stack: Stack,
  { view, stage }: Scenario,
  reach: Scenario['states'][string],
): Promise<{ upgraded: Installation; batch: Staged }> {
  const batch = await stage(on);
  await leaveObjects(on, `${view}/${batch.etlTransactionId}`);
  if (view === MERGED) await leaveProcedure(on);
  await reach(on, (state) =>
    on.control.query(
      `update etl.etl_transaction set state = $2, ended_at = case when $2 = 'abandoned' then now() end where id = $1`,
      [batch.etlTransactionId, state],
    ),
  );
  const upgraded = await withTheirControl(on, stack);
  if ((await upgraded.haltedReason(view)) !== null) {
    await upgraded.dependencies.control.viewStops.resume(view);
  }
  return { upgraded, batch };
}

/** Delivers an event to a function that was just deployed, as Pub/Sub would. */
async function deliver(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isTooEarly = error instanceof Error && 'kind' in error && error.kind === 'invalid_event';
    if (!isRecoverable(error) && !isTooEarly) throw error;
  }
}

/** Applies all batches of a view, also one that was left, until there is nothing more to do. */
async function catchUp(upgraded: Installation, view: string): Promise<void> {
  for (;;) {
    const extracted = await upgraded.extract(view);
    if (extracted.outcome === 'idle') return;
    assert.ok('etlTransactionId' in extracted, JSON.stringify(extracted));
    await upgraded.apply(extracted);
  }
}

/** Declares the tests of an upgrade with a batch in each state of these scenarios, in every order of the functions. */
export function upgradeInEveryOrder(scenarios: Record<string, Scenario>): void {
  describe('an installation whose functions knew JSON lines alone', () => {
    const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });

    for (const [what, scenario] of Object.entries(scenarios)) {
      const { view, states, ended = [] } = scenario;
      const [table, column] =
        view === MERGED ? (['app_project', 'name'] as const) : (['app_incident', 'type'] as const);
      describe(`with ${what}`, () => {
        for (const [state, reach] of Object.entries(states)) {
          for (const order of ended.includes(state) ? ORDERS.slice(0, 1) : ORDERS) {
            it(`I2 I5 I6 goes on with a batch that ${state}, after an upgrade of ${order.join(', ')}`, async () => {
              const { upgraded, batch } = await leave(on, stack, scenario, reach);
              await upgraded.source.change(table, 3, { [column]: 'tre' });
              const roles = {
                extract: () => upgraded.extract(view),
                apply: () => upgraded.apply(batch),
                reconcile: () => upgraded.check({}, view),
              };

              for (const role of order) await deliver(roles[role]);
              await catchUp(upgraded, view);

              await upgraded.assertEqual(view);
              assert.equal(await upgraded.haltedReason(view), null);
              await upgraded.source.change(table, 1, { [column]: 'ein' });
              assert.partialDeepStrictEqual(await upgraded.replicate(view), { changed: '1' });
              await upgraded.assertEqual(view);
            });
          }
        }
      });
    }

    for (const [what, scenario] of Object.entries(scenarios)) {
      it(`I5 has its staged batch applied from what it staged, without another capture: ${what}`, async () => {
        const { upgraded, batch } = await leave(on, stack, scenario, async () => undefined);

        assert.partialDeepStrictEqual(await upgraded.apply(batch), { outcome: 'applied' });

        await upgraded.assertEqual(scenario.view);
      });
    }
  });
}
