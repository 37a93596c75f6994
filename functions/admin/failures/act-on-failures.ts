import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { User } from '../access/user.ts';
import type { FailureForm } from './failure-query.ts';

/** What an operator can do with failures. */
export type FailureAction = 'redrive' | 'resolve';

/** More at once would take longer than a page may; the next click takes the next ones. */
export const MAX_AT_ONCE = 1000;

/** To how many failures it was done. `before`: of those that the page showed, this many had been resolved before. */
export type ActionResult = { count: number; before: number; left: number };

/** Does it to the failures that the operator saw and that are still open. What failed since stays as it is. */
export async function actOnFailures(
  action: FailureAction,
  form: FailureForm,
  { user, dependencies }: { user: User; dependencies: Dependencies },
): Promise<ActionResult> {
  const { ids, shown, open } = await meant(action, form, dependencies);
  const count = ids.length > 0 ? await request(action, ids, { user, form, dependencies }) : 0;
  return { count, before: Math.max(0, shown - open), left: open - ids.length };
}

/** The ids to act on, how many failures the page showed, and how many of these are open still. */
async function meant(
  action: FailureAction,
  form: FailureForm,
  { control }: Dependencies,
): Promise<{ ids: bigint[]; shown: number; open: number }> {
  if ('failure' in form) {
    const failure = await control.failureGroups.find(form.failure);
    // The operation itself refuses what does not exist or cannot be redriven.
    if (failure?.resolvedAt) return { ids: [], shown: 1, open: 0 };
    return { ids: [form.failure], shown: 1, open: 1 };
  }
  const seen = await control.failureGroups.seen(form, Math.max(form.shown, MAX_AT_ONCE));
  const possible = action === 'redrive' ? seen.filter(({ isRedrivable }) => isRedrivable) : seen;
  return { ids: possible.slice(0, MAX_AT_ONCE).map(({ id }) => id), shown: form.shown, open: seen.length };
}

/** The only place that asks for an operation on failures. Returns how many it was done to, as the operation or its record says. */
async function request(
  action: FailureAction,
  failures: bigint[],
  { user, form, dependencies }: { user: User; form: FailureForm; dependencies: Dependencies },
): Promise<number> {
  const command = action === 'redrive' ? 'redriveEvents' : 'resolve';
  const { note, requestId } = form;
  const requester = { by: user.name, why: note === '' ? null : note, requestId };
  const { runOperation } = await import('../../../shared/operations/run-operation.ts');
  const done = await runOperation({ command, failures }, dependencies, { via: 'page', ...requester });
  return done.failures.length;
}
