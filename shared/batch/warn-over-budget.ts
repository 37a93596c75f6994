import type { Dependencies } from '../runtime/dependencies.ts';

/** Logs a warning when the view has used up its budget of this UTC day: then nothing that BigQuery bills begins. Returns whether it has. */
export function warnOverBudget(
  view: string,
  isOverBudget: boolean,
  { log }: Pick<Dependencies, 'log'>,
): boolean {
  if (isOverBudget) log.warn({ view }, 'view over budget');
  return isOverBudget;
}
