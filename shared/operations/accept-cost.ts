import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { requestRecorded } from './request-extract.ts';

/** Lets a view go on above its budget until the next UTC day, and requests a batch at once. Safe to repeat. */
export async function acceptCost({ view }: OperationOf<'acceptCost'>, dependencies: Dependencies) {
  const { control, events, log } = dependencies;
  await control.viewSources.get(view);
  await control.jobUsage.acceptCost(view);
  log.warn({ view }, 'cost accepted');
  await requestRecorded(view, 'acceptCost', events);
  return { outcome: 'cost accepted', view };
}

/** What an operator can do about a view that is over its budget. */
export const acceptCostAdvice = (view: string): string =>
  `Wait for the next UTC day, or send ${JSON.stringify({ view, acceptCost: true })}: it goes on at once.`;
